/** What all pages of `messenger` are made with. */
import { dialect, exactly } from './dialect.ts'
import { Ack, wire } from './messenger.wire.ts'

export const { on, local, define } = dialect({
  name: 'messenger',
  emits: wire,
  ack: Ack,
  namespaces: ['/', '/messages', '/notifications'],
  claims: exactly('id'),
})
