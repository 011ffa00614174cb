// Catches what a page throws, above all a part of it that could not be loaded, so that the rest stays.

import { Component, type ReactNode } from 'react'
import { Failure } from './parts'

export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null }

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error }
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children
    return <Failure error={this.state.error} retry={() => location.reload()} />
  }
}
