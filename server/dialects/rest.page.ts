/**
 * Pages by number, from 1. More than the most is the most. Messages are paged by their places in the conversation, from the newest,
 * the oldest first inside: so a page is shorter by those that its reader has hidden, and nothing is on two pages.
 */
import { z } from 'zod'
import type { Message } from '../../shared/model.ts'

const Page = z.coerce.number().int().min(1).max(10_000).default(1)

export function pages({ usual, most }: { readonly usual: number; readonly most: number }) {
  const Limit = z.coerce.number().int().min(1).default(usual)
  return {
    /** Of a query. */
    shape: { page: Page, limit: Limit },
    /** What such a query asks for. */
    of({ page, limit }: Asked) {
      const size = Math.min(limit, most)
      return { page, limit: size, skip: (page - 1) * size }
    },
  }
}
interface Asked {
  readonly page: number
  readonly limit: number
}

export const pagesOf = (total: number, limit: number) => Math.ceil(total / limit)

type Read = (place: { before: number; limit: number }) => Promise<{ readonly messages: readonly Message[] }>

/** `lastSeq`: of the conversation. */
export async function messagesOf(
  lastSeq: number,
  { limit, skip }: { readonly limit: number; readonly skip: number },
  read: Read,
): Promise<readonly Message[]> {
  // Beyond the last page it is asked too: it may refuse.
  const newest = Math.max(0, lastSeq - skip)
  const { messages } = await read({ before: newest + 1, limit })
  // What is hidden is made up for by older ones, which are on the next page.
  return messages.filter(({ seq }) => seq > newest - limit)
}
