/**
 * The support bot: answers every message with one of type `system`. With an endpoint it asks that: POST `{ message,
 * conversationId, userId, messageId }`, answered 200 to 299 with JSON `{ reply }`. If that takes too long, fails, redirects, or says
 * anything else, the table answers (replies.ts).
 */
import { z } from 'zod'
import { Content } from '../../shared/commands/contract.ts'
import type { Message } from '../../shared/model.ts'
import type { Bot } from '../core/bot.ts'
import { replyTo } from './replies.ts'

export const SUPPORT_BOT = 'support-bot'

export interface SupportBotOptions {
  readonly url?: string | undefined
  /** For the whole answer. */
  readonly timeoutMs: number
  /** The endpoint did not answer as it should; the table did. */
  readonly onError: (error: unknown) => void
}

const Answer = z.object({ reply: Content })
/** More than the longest reply can take, escaped. */
const MOST_BYTES = 65_536

export function supportBot({ url, timeoutMs, onError }: SupportBotOptions): Bot {
  return {
    userId: SUPPORT_BOT,
    name: SUPPORT_BOT,
    async onMessage(message, act) {
      const asked = url === undefined ? null : await ask(url, message, timeoutMs, act.signal).catch(onError)
      await act.reply(asked ?? replyTo(message.content), { type: 'system' })
    },
  }
}

async function ask(url: string, message: Message, timeoutMs: number, stop: AbortSignal): Promise<string> {
  const question = {
    message: message.content,
    conversationId: message.conversationId,
    userId: message.senderId,
    messageId: message.id,
  }
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  const stopped = () => late.abort(stop.reason)
  stop.addEventListener('abort', stopped)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(question),
      redirect: 'error',
      signal: late.signal,
    })
    if (!response.ok) {
      await response.body?.cancel()
      throw new Error(`answered ${response.status}`)
    }
    return Answer.parse(JSON.parse(await bounded(response))).reply
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', stopped)
  }
}

async function bounded(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  // Leaving the loop cancels the rest.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MOST_BYTES) throw new Error(`the answer is longer than ${MOST_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
