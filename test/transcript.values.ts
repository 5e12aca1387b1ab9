/** The values of transcripts: relaxed JSON with placeholders, matched against what arrived. */
export type Bindings = Map<string, unknown>

const MARK = '<hole>'
const MORE = '...'
const TOKENS =
  /(?<text>"(?:[^"\\]|\\.)*")|<(?<hole>[^<>\s]+)>|(?<more>\.\.\.)|(?<key>[A-Za-z_$][\w$-]*)(?=\s*:)|[\s\S]/g

/** A `<name>` inside a string is replaced if it is known. */
export function parse(text: string, known: Bindings): unknown {
  let json = ''
  for (const { 0: token, groups = {} } of text.matchAll(TOKENS)) {
    if (groups.text) json += token.replace(/<([^<>]+)>/g, (whole, name) => String(known.get(name) ?? whole))
    else if (groups.hole) json += JSON.stringify(MARK + groups.hole)
    else if (groups.more) json += `"${MORE}": true`
    else json += groups.key ? `"${token}"` : token
  }
  return JSON.parse(json, (_, value) => (marked(value) ? new Hole(value.slice(MARK.length)) : value))
}

const marked = (value: unknown): value is string => typeof value === 'string' && value.startsWith(MARK)
const keyOf = (key: string, bindings: Bindings) => (marked(key) ? String(bindings.get(key.slice(MARK.length))) : key)

class Hole {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** The value with every placeholder filled in. */
export function bind(value: unknown, bindings: Bindings): unknown {
  if (value instanceof Hole) {
    if (!bindings.has(value.name)) throw new Error(`<${value.name}> is not known yet`)
    return bindings.get(value.name)
  }
  if (Array.isArray(value)) return value.map((item) => bind(item, bindings))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [keyOf(key, bindings), bind(item, bindings)]))
}

const KINDS: Record<string, (value: unknown) => boolean> = {
  '*': () => true,
  number: (value) => typeof value === 'number',
  time: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
}

/** Throws, with the path, where `actual` is not what is expected. Unknown placeholders take the value they meet. */
export function match(expected: unknown, actual: unknown, bindings: Bindings, path = ''): void {
  const wrong = (why: string) => new Error(`${path || 'value'} ${why}; it is ${JSON.stringify(actual)}`)
  if (expected instanceof Hole) {
    const kind = KINDS[expected.name]
    if (kind) {
      if (!kind(actual)) throw wrong(`is no ${expected.name}`)
    } else if (!bindings.has(expected.name)) bindings.set(expected.name, actual)
    else match(bindings.get(expected.name), actual, bindings, path)
    return
  }
  if (typeof expected !== 'object' || expected === null) {
    if (expected !== actual) throw wrong(`should be ${JSON.stringify(expected)}`)
    return
  }
  if (typeof actual !== 'object' || actual === null || Array.isArray(expected) !== Array.isArray(actual)) {
    throw wrong(`should be ${JSON.stringify(expected)}`)
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
