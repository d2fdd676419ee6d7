// What is used of a browser: this package is compiled without its declarations.

export interface Globals {
  readonly BroadcastChannel: new (name: string) => {
    onmessage: ((event: { readonly data: unknown }) => void) | null
    postMessage(message: unknown): void
    close(): void
  }
  readonly Blob: new (parts: readonly string[], options: { readonly type: string }) => object
  readonly URL: { createObjectURL(blob: object): string; revokeObjectURL(url: string): void }
  readonly crypto: { randomUUID(): string }
  readonly location: { readonly href: string; readonly origin: string }
  readonly navigator: { readonly userAgent: string }
  readonly document: {
    readonly title: string
    createElement(name: 'a'): { href: string; download: string; click(): void }
  }
  readonly fetch: (url: string) => Promise<{ readonly ok: boolean; text(): Promise<string> }>
  readonly open: (url: string, target: string) => unknown
  readonly addEventListener: (type: string, listener: () => void) => void
  readonly removeEventListener: (type: string, listener: () => void) => void
}
