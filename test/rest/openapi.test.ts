/** The reference of the HTTP interfaces: valid, complete, and whole without a network. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { groups } from '../../server/dialects/index.ts'
import { ask } from './ask.ts'
import { type RestServer, startRest } from './server.ts'

const Operation = z.looseObject({
  operationId: z.string().optional(),
  tags: z.array(z.string()),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).default([]),
  requestBody: z.looseObject({}).optional(),
  responses: z.record(z.string(), z.looseObject({ description: z.string() })),
})
const Document = z.looseObject({
  openapi: z.literal('3.1.0'),
  components: z.looseObject({ securitySchemes: z.record(z.string(), z.unknown()) }),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
})

const names = groups.map(({ name }) => name)
let development: RestServer
let production: RestServer
let text: string
beforeAll(async () => {
  development = await startRest(names, { LMS_REST_PREFIX: '/school' })
  production = await startRest(['rooms'], { NODE_ENV: 'production' })
  text = JSON.stringify((await ask(development.url, 'GET /openapi.json')).body)
})
afterAll(async () => {
  await development?.close()
  await production?.close()
})
const document = () => Document.parse(JSON.parse(text))

test('is OpenAPI 3.1, by a validator of it', async () => {
  const { valid, errors } = await new Validator().validate(JSON.parse(text))
  expect(errors ?? []).toEqual([])
  expect(valid).toBe(true)
})

test('has every route of every group, with its parameters, its bodies and its failures', () => {
  const { paths } = document()
  const bases = { lms: '/school' } as Readonly<Record<string, string>>
  for (const group of groups) {
    for (const { method, path, params, choices } of group.routes) {
      const base = bases[group.name] ?? group.base
      const place = `${base}${path}`.replace(/:(\w+)/g, '{$1}')
      const operation = paths[place]?.[method.toLowerCase()]
      expect([place, operation?.tags]).toEqual([place, [group.name]])
      const inPath = operation?.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
      expect([place, inPath]).toEqual([place, Object.keys(params.shape)])
      expect([place, operation?.requestBody !== undefined]).toEqual([place, choices.some(({ body }) => body)])
      expect(Object.keys(operation?.responses ?? {})).toEqual(
        expect.arrayContaining([...choices.map(({ status }) => String(status)), '400', '401', '429']),
      )
    }
  }
})

test('every operation has a name of its own, and every reference leads somewhere', () => {
  const operations = Object.values(document().paths).flatMap((methods) => Object.values(methods))
  const ids = operations.flatMap(({ operationId }) => operationId ?? [])
  expect(new Set(ids).size).toBe(ids.length)
  const dangling = [...text.matchAll(/"\$ref":"([^"]*)"/g)].filter(([, reference = '']) => {
    const keys = reference.replace(/^#\//, '').split('/')
    return (
      keys.reduce<unknown>(
        (at, key) => z.record(z.string(), z.unknown()).safeParse(at).data?.[key],
        JSON.parse(text),
      ) === undefined
    )
  })
  expect(dangling.map(([, reference]) => reference)).toEqual([])
})

test('says which credentials are good: none where it is open, the cookie where the system has one', async () => {
  const { paths, components } = document()
  expect(components.securitySchemes).toEqual({
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    accessToken: { type: 'apiKey', in: 'header', name: 'access-token' },
    cookie: { type: 'apiKey', in: 'cookie', name: 'token' },
  })
  const headers = [{ bearer: [] }, { accessToken: [] }]
  expect(paths['/api/schedules']?.get?.security).toEqual(headers)
  expect(paths['/debug/sockets']?.get?.security).toEqual([])
  for (const group of groups.filter(({ cookie }) => cookie)) {
    const [route] = group.routes
    const place = `${group.base}${route?.path}`.replace(/:(\w+)/g, '{$1}')
    expect(paths[place]?.[route?.method.toLowerCase() ?? '']?.security).toEqual([...headers, { cookie: [] }])
  }
  const told = Document.parse((await ask(production.url, 'GET /openapi.json')).body)
  expect(told.paths['/debug/sockets']?.get?.security).toEqual(headers)
  expect(told.paths['/api/schedules']).toBeUndefined()
})

test('/docs is a page that needs nothing from elsewhere', async () => {
  const page = await ask(development.url, 'GET /docs')
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  const policy = page.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'self'")
  expect(policy).not.toMatch(/https?:|upgrade-insecure/)
  const files = [...String(page.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = '']) => file)
  expect(files.length).toBeGreaterThan(3)
  for (const file of files) {
    expect(file).toMatch(/^\/docs\/static\//)
    expect([file, (await ask(development.url, `GET ${file}`)).status]).toEqual([file, 200])
  }
  expect((await ask(development.url, 'GET /docs/json')).body).toEqual(JSON.parse(text))
})

test('browser pages of the allowed origins may use every method', async () => {
  const { headers, status } = await ask(development.url, 'OPTIONS /api/schedules/x', {
    headers: { origin: 'http://localhost:3000', 'access-control-request-method': 'PATCH' },
  })
  expect(status).toBe(204)
  expect(headers.get('access-control-allow-methods')).toMatch(/PUT, PATCH, DELETE/)
  expect(headers.get('access-control-allow-credentials')).toBe('true')
})
