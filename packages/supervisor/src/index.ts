export { TerrariumError, isTerrariumError, type ErrorCode, type TerrariumErrorOptions } from './errors.ts'
