/**
 * What every noun is made of. Ids are opaque text. All text is refused at the edge if it holds NUL or a lone surrogate (Postgres
 * cannot store either), free JSON also if a key could reach a prototype.
 */
import { z } from 'zod'

const storable = (text: string) => !text.includes('\u0000') && text.isWellFormed()

/** Text of at most `max` UTF-16 units that Postgres can store. */
export const Text = (max: number) => z.string().max(max).refine(storable, 'text must be well-formed and without NUL')

/** Opaque identifier, 1 to 128 units, no control characters. New ones are 24 hex digits; foreign ones are kept as they are. */
export const Id = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\u0000-\u001f\u007f]+$/, 'an id has no control characters')
  .refine(storable, 'an id must be well-formed text')

/** A moment from 1970 to 9999: what Postgres reads back as it was written. */
export const Moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])
const JSON_DEPTH = 16

/** `budget` counts the values still allowed: a graph of shared references can be small in memory and endless as a tree. */
function safeJson(value: unknown, depth: number, budget: { left: number }): boolean {
  if (--budget.left < 0) return false
  if (value === null || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'string') return storable(value)
  if (typeof value !== 'object' || depth === 0) return false
  if (Array.isArray(value)) return value.every((item) => safeJson(item, depth - 1, budget))
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.entries(value).every(
    ([key, item]) => !FORBIDDEN_KEYS.has(key) && storable(key) && safeJson(item, depth - 1, budget),
  )
}

/** A free JSON object of at most `max` characters once stringified, 16 levels deep at most, without prototype keys. */
export const JsonObject = (max: number) =>
  z.custom<{ readonly [key: string]: Json }>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      safeJson(value, JSON_DEPTH, { left: max }) &&
      JSON.stringify(value).length <= max,
    { error: `must be a plain JSON object of at most ${max} characters` },
  )

/** `epoch.position`: the place in the log up to which a reader has seen everything. */
export const Cursor = z.string().regex(/^[0-9a-z]{1,32}\.(0|[1-9]\d{0,15})$/, 'a cursor is epoch.position')

export const Seq = z.number().int().min(0)
export const Position = z.number().int().min(0)
