/** A cursor is `epoch.position`: which history of the log, and how far in it. */
import { AppError } from '../../shared/errors.ts'
import { Cursor } from '../../shared/model.ts'

export const cursorAt = (epoch: string, position: number): string => `${epoch}.${position}`

/** The position of a cursor. INVALID_INPUT if it is none, RESET if it belongs to another history of the log. */
export function positionOf(epoch: string, cursor: string): number {
  if (!Cursor.safeParse(cursor).success) throw new AppError('INVALID_INPUT', 'Not a cursor')
  const [of, position] = cursor.split('.')
  if (of !== epoch) throw new AppError('RESET', 'The cursor is of another log', { data: { reason: 'epoch' } })
  return Number(position)
}
