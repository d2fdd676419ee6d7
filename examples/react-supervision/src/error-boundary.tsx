// Shows something else in place of a part of the page that throws while it is rendered.
import { Component, type ReactNode } from 'react'

interface Props {
  readonly fallback: (error: Error) => ReactNode
  readonly children: ReactNode
}

export class ErrorBoundary extends Component<Props, { readonly error?: Error }> {
  override state: { readonly error?: Error } = {}

  static getDerivedStateFromError(error: Error): { readonly error: Error } {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    return error === undefined ? this.props.children : this.props.fallback(error)
  }
}
