// @terrarium/inspector/web: the inspector in a browser, with the Vite plugin of @terrarium/inspector/vite.
export { createInspector, type WebInspector, type WebInspectorOptions } from './inspector.ts'
