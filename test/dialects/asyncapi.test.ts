/** The reference of each wire: valid AsyncAPI 3 in the eyes of its official parser, whole, and served for what is enabled. */
import { Parser } from '@asyncapi/parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asyncapi } from '../../server/dialects/asyncapi.ts'
import { dialects } from '../../server/dialects/index.ts'
import { startServer, type TestServer } from '../harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ env: { SOCKETIO_DIALECTS: 'rooms' } })
})
afterAll(() => server.close())
const fetched = async (dialect: string) => await fetch(`${server.url}/asyncapi/${dialect}.json`)

test('what is enabled has its document, nothing else', async () => {
  const answer = await fetched('rooms')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  const rooms = dialects.find(({ name }) => name === 'rooms')
  expect(await answer.json()).toEqual(rooms && JSON.parse(JSON.stringify(asyncapi(rooms))))
  for (const other of ['marketplace', 'constructor', 'roomsx', '']) expect((await fetched(other)).status).toBe(404)
})

const parser = new Parser()
describe.each(dialects)('$name', (dialect) => {
  const document = asyncapi(dialect)

  test('the official parser finds nothing wrong, and the events that the page has', async () => {
    const { document: parsed, diagnostics } = await parser.parse(JSON.stringify(document))
    // It would rather see the next minor version.
    const wrong = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version')
    expect(wrong.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([])

    const found = parsed
      ?.operations()
      .all()
      .map((operation) => {
        const [channel] = operation.channels().all()
        const [message] = operation.messages().all()
        return `${channel?.address()} ${operation.action()} ${message?.name()}`
      })
    const said = dialect.namespaces.flatMap((namespace) => {
      const { inbound, says } = dialect.place(namespace)
      return [
        ...[...inbound.keys()].map((event) => `${namespace} receive ${event}`),
        ...says.map((event) => `${namespace} send ${event}`),
      ]
    })
    expect(found?.toSorted()).toEqual(said.toSorted())
    expect(new Set(said.flatMap((line) => line.split(' send ')[1] ?? []))).toEqual(new Set(Object.keys(dialect.emits)))
  })

  test('descriptions name namespace and direction, and every reference leads somewhere', () => {
    const directions = { receive: 'Client to server', send: 'Server to client' }
    for (const { action, channel, messages } of Object.values(document.operations)) {
      const said = `${directions[action]}, namespace \`${field(at(document, channel.$ref), 'address')}\`.`
      for (const { $ref } of messages) expect(field(at(document, $ref), 'description')).toContain(said)
    }
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, to]) => to ?? '')
    expect(refs.length).toBeGreaterThan(0)
    expect(refs.filter((to) => at(document, to) === undefined)).toEqual([])
  })
})

const field = (value: unknown, name: string): unknown =>
  Object.hasOwn(Object(value), name) ? Reflect.get(Object(value), name) : undefined
/** What a reference into `document` leads to. */
const at = (document: object, to: string): unknown =>
  to
    .slice(2)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(field, document)
