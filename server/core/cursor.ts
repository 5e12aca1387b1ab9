/** A cursor is `epoch.position`: which history of the log, and how far in it. Those of the bridge's readers are kept. */
import { AppError } from '../../shared/errors.ts'
import { Cursor } from '../../shared/model.ts'
import type { HandlersOf } from './handler.ts'
import { serverOnly } from './policy.ts'

export const cursorAt = (epoch: string, position: number): string => `${epoch}.${position}`

/** The position of a cursor. INVALID_INPUT if it is none, RESET if it belongs to another history of the log. */
export function positionOf(epoch: string, cursor: string): number {
  if (!Cursor.safeParse(cursor).success) throw new AppError('INVALID_INPUT', 'Not a cursor')
  const [of, position] = cursor.split('.')
  if (of !== epoch) throw new AppError('RESET', 'The cursor is of another log', { data: { reason: 'epoch' } })
  return Number(position)
}

export const cursor: HandlersOf<'cursor.load' | 'cursor.save'> = {
  'cursor.load': {
    policy: serverOnly,
    run: async ({ tx, input, node }) => {
      const position = await tx.cursors.get(input)
      return { cursor: position === null ? null : cursorAt(node.hub.epoch, position) }
    },
  },
  'cursor.save': {
    policy: serverOnly,
    run: async ({ tx, input, node }) => {
      const { epoch } = node.hub
      const ours = input.cursors.filter(({ cursor }) => cursor.startsWith(`${epoch}.`))
      const saved = ours.map(({ cursor, ...key }) => ({ ...key, position: positionOf(epoch, cursor) }))
      if (saved.length > 0) await tx.saveCursors(saved)
      return {}
    },
  },
}
