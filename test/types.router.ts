import { createTRPCClient, httpLink } from '@trpc/client'
import superjson from 'superjson'
import type { AppRouter, Message } from '../shared/index.ts'

/**
 * Compile-time tests of the typed entrance: each `@ts-expect-error` line fails the type check if it ever compiles.
 * Nothing here runs.
 */
const api = createTRPCClient<AppRouter>({ links: [httpLink({ url: 'http://localhost', transformer: superjson })] })

// @ts-expect-error the transformer is part of the contract
createTRPCClient<AppRouter>({ links: [httpLink({ url: 'http://localhost' })] })

export async function commands() {
  const sent: Message = await api.message.send.mutate({ conversationId: 'c', content: 'hi' })
  const at: Date = sent.createdAt
  const next: string | null = (await api.conversation.list.query({})).next
  const when: Date | null | undefined = (await api.conversation.list.query({ limit: 3 })).conversations[0]
    ?.lastMessageAt
  await api.message.missed.query({ since: new Date() })
  await api.user.me.query()

  // @ts-expect-error content is missing
  await api.message.send.mutate({ conversationId: 'c' })
  // @ts-expect-error content is text
  await api.message.send.mutate({ conversationId: 'c', content: 1 })
  // @ts-expect-error another command's input
  await api.message.send.mutate({ conversationId: 'c', typing: true })
  // @ts-expect-error the input is missing
  await api.message.send.mutate()
  // @ts-expect-error a date is a Date, not its text
  await api.message.missed.query({ since: '2020-01-01' })
  // @ts-expect-error an enum is closed
  await api.conversation.list.query({ kind: 'clique' })
  // @ts-expect-error no such command
  await api.message.sned.mutate({ conversationId: 'c', content: 'hi' })
  // @ts-expect-error a write is not a query
  await api.message.send.query({ conversationId: 'c', content: 'hi' })
  // @ts-expect-error a read is not a mutation
  await api.user.me.mutate({})
  // @ts-expect-error Dates arrive as Dates
  const text: string = sent.createdAt
  // @ts-expect-error an output has only what the table says
  sent.body
  return { at, next, when, text }
}

export function subscriptions() {
  api.sync.events.subscribe(undefined, {
    onData({ id, data }) {
      const cursor: string = id
      for (const event of data) {
        const at: Date = event.at
        if (event.name === 'message.created') {
          const content: string = event.payload.message.content
          // @ts-expect-error that is another event's payload
          event.payload.typing
          void content
        }
        if (event.name === 'typing.changed') {
          const typing: boolean = event.payload.typing
          // @ts-expect-error an ephemeral event has no position
          const position: number = event.position
          void [typing, position]
        }
        // @ts-expect-error no such event
        if (event.name === 'message.sent') return
        // @ts-expect-error which payload it is must be asked first
        event.payload.message
        void at
      }
      return cursor
    },
    onError(error) {
      const retry: boolean | undefined = error.data?.app.retry
      if (error.data?.app.code === 'RESET') return retry
      // @ts-expect-error the codes are closed
      return error.data?.app.code === 'OOPS'
    },
  })
  api.sync.events.subscribe({ lastEventId: 'e.1' }, {})
  api.message.onEvent.subscribe({ conversationId: 'c' }, {})
  // @ts-expect-error which conversation?
  api.typing.onChange.subscribe({}, {})
}
