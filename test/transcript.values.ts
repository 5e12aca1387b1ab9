/**
 * The values of transcripts: relaxed JSON with placeholders, matched against what arrived. A placeholder that is not known
 * takes the value that it meets and is that value from then on; a kind (`<number>`) only says what it must look like.
 */
export type Bindings = Map<string, unknown>

const MARK = '<hole>'
const MORE = '...'
const TOKENS =
  /(?<text>"(?:[^"\\]|\\.)*")|<(?<hole>[^<>\s]+)>|(?<more>\.\.\.)|(?<key>[A-Za-z_$][\w$-]*)(?=\s*:)|[\s\S]/g

const KINDS: Record<string, (value: unknown) => boolean> = {
  '*': () => true,
  number: (value) => typeof value === 'number',
  text: (value) => typeof value === 'string',
  id: (value) => typeof value === 'string' && /^[0-9a-f]{24}$/.test(value),
  time: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
}

/** `<name>`, `<kind>` or `<name:kind>`. */
class Hole {
  readonly name: string | undefined
  readonly kind: string | undefined
  constructor(text: string) {
    const [name, kind] = text.split(':')
    this.name = name !== undefined && Object.hasOwn(KINDS, name) ? undefined : name
    this.kind = this.name === undefined ? name : kind
    if (this.kind !== undefined && !Object.hasOwn(KINDS, this.kind))
      throw new Error(`<${text}>: there is no kind ${this.kind}`)
  }
}

/** A `<name>` inside a string is replaced if it is known. */
export function parse(text: string, known: Bindings): unknown {
  let json = ''
  const inside: string[] = []
  for (const { 0: token, groups = {} } of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') inside.push(token)
    if (token === '}' || token === ']') inside.pop()
    if (groups.text) json += fill(token, known)
    else if (groups.hole) json += JSON.stringify(MARK + groups.hole)
    else if (groups.more) json += inside.at(-1) === '[' ? `"${MARK + MORE}"` : `"${MORE}": true`
    else json += groups.key ? `"${token}"` : token
  }
  return JSON.parse(json, (_, value) => {
    if (!marked(value)) return value
    return value === MARK + MORE ? MORE_ITEMS : new Hole(value.slice(MARK.length))
  })
}
const MORE_ITEMS = Symbol(MORE)

export const fill = (text: string, known: Bindings) =>
  text.replace(/<([^<>\s]+)>/g, (whole, name) => String(known.get(name) ?? whole))

/** Values side by side; what is no JSON is a bare word: `ann event {a: 1} word`. */
export const parseAll = (text: string, known: Bindings): unknown[] =>
  split(text).map((part) =>
    /^[{["]|^<[^<>\s]+>$|^-?\d+(\.\d+)?$|^(true|false|null)$/.test(part) ? parse(part, known) : fill(part, known),
  )

/** At spaces that are in no brackets and no quotes. */
export function split(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let part = ''
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[\s\S]/g)) {
    if (token === '{' || token === '[') depth += 1
    if (token === '}' || token === ']') depth -= 1
    if (depth > 0 || !/^\s$/.test(token)) part += token
    else if (part !== '') {
      parts.push(part)
      part = ''
    }
  }
  return part === '' ? parts : [...parts, part]
}

const marked = (value: unknown): value is string => typeof value === 'string' && value.startsWith(MARK)
const keyOf = (key: string, bindings: Bindings) => (marked(key) ? String(bindings.get(key.slice(MARK.length))) : key)

/** The value with every placeholder filled in. */
export function bind(value: unknown, bindings: Bindings): unknown {
  if (value instanceof Hole) {
    if (value.name === undefined || !bindings.has(value.name)) throw new Error(`<${value.name}> is not known yet`)
    return bindings.get(value.name)
  }
  if (Array.isArray(value)) return value.map((item) => bind(item, bindings))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [keyOf(key, bindings), bind(item, bindings)]))
}

/** Throws, with the path, where `actual` is not what is expected. Unknown placeholders take the value they meet. */
export function match(expected: unknown, actual: unknown, bindings: Bindings, path = ''): void {
  const wrong = (why: string) => new Error(`${path || 'value'} ${why}; it is ${JSON.stringify(actual)}`)
  if (expected instanceof Hole) {
    const { name, kind } = expected
    if (kind !== undefined && !KINDS[kind]?.(actual)) throw wrong(`is no ${kind}`)
    if (name === undefined) return
    if (!bindings.has(name)) bindings.set(name, actual)
    else match(bindings.get(name), actual, bindings, path)
    return
  }
  if (typeof expected !== 'object' || expected === null) {
    if (expected !== actual) throw wrong(`should be ${JSON.stringify(expected)}`)
    return
  }
  if (typeof actual !== 'object' || actual === null || Array.isArray(expected) !== Array.isArray(actual)) {
    throw wrong(`should be ${JSON.stringify(expected)}`)
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    matchItems(expected, actual, bindings, path)
    return
  }
  const wanted: Record<string, unknown> = { ...expected }
  const found: Record<string, unknown> = { ...actual }
  const open = MORE in wanted
  delete wanted[MORE]
  for (const [key, value] of Object.entries(wanted)) {
    const name = keyOf(key, bindings)
    if (!(name in found)) throw wrong(`has no ${name}`)
    match(value, found[name], bindings, `${path}.${name}`)
    delete found[name]
  }
  const extra = Object.keys(found)
  if (!open && extra.length > 0) throw wrong(`should not have ${extra.join(', ')}`)
}

/** One by one; `...` stands for any number of items. */
function matchItems(expected: unknown[], actual: unknown[], bindings: Bindings, path: string, at = 0): void {
  const [first, ...rest] = expected
  const wrong = (why: string) => new Error(`${path || 'value'} ${why}; from ${at} on it is ${JSON.stringify(actual)}`)
  if (first === MORE_ITEMS) {
    const fits = actual.some((_, skip) =>
      attempt(bindings, (tried) => matchItems(rest, actual.slice(skip), tried, path, at + skip)),
    )
    if (!fits && rest.length > 0) throw wrong('has not the items after ...')
  } else if (expected.length === 0) {
    if (actual.length > 0) throw wrong(`should not have ${at}`)
  } else {
    if (actual.length === 0) throw wrong(`has no ${at}`)
    match(first, actual[0], bindings, `${path}.${at}`)
    matchItems(rest, actual.slice(1), bindings, path, at + 1)
  }
}

/** Whether it does not throw; only then do the placeholders keep what they took. */
export function attempt(bindings: Bindings, run: (tried: Bindings) => void): boolean {
  const tried = new Map(bindings)
  try {
    run(tried)
  } catch {
    return false
  }
  for (const [name, value] of tried) bindings.set(name, value)
  return true
}

/** Matches as a set, in whatever order. Throws with what fits nothing. */
export function matchSet<E, A>(
  expected: readonly E[],
  actual: readonly A[],
  bindings: Bindings,
  compare: (expected: E, actual: A, bindings: Bindings) => void,
): void {
  const [first, ...rest] = expected
  if (first === undefined) return
  const fits = actual.some((item, at) =>
    attempt(bindings, (tried) => {
      compare(first, item, tried)
      matchSet(rest, actual.toSpliced(at, 1), tried, compare)
    }),
  )
  if (!fits) throw new Error('they do not fit, in any order')
}
