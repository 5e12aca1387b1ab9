/**
 * `/openapi.json`: OpenAPI 3.1 of every HTTP route that is tagged, made from the table of routes the first time it is asked for.
 * `/docs`: a page to read and try it, served whole from here. Both are open: they say what is written in this source, and every
 * call from the page needs a token like any other.
 */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyBaseLogger } from 'fastify'
import { operations, securitySchemes } from '../dialects/openapi.ts'
import type { Group } from '../dialects/rest.ts'
import type { Http } from './http.ts'

interface DocsOptions {
  readonly groups: readonly Group[]
  readonly production: boolean
}

/** Before the routes that it tells of. */
export async function registerDocs<L extends FastifyBaseLogger>(
  fastify: Http<L>,
  { groups, production }: DocsOptions,
): Promise<void> {
  let table: ReturnType<typeof operations> | undefined
  await fastify.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Parley', version: '1', description: 'The HTTP interfaces of the legacy systems.' },
      components: { securitySchemes },
    },
    hideUntagged: true,
    convertConstToEnum: false,
    transform: ({ schema, url, route }) => {
      table ??= operations(groups, production)
      return { schema: table.get(`${route.method} ${url}`) ?? schema, url }
    },
  })
  fastify.get('/openapi.json', async () => fastify.swagger())
  await fastify.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { persistAuthorization: true, docExpansion: 'list' },
    staticCSP: true,
    // Nothing comes from elsewhere, and a server without TLS has none to upgrade to.
    transformStaticCSP: (policy) =>
      policy.replaceAll(/ https:| validator\.swagger\.io| upgrade-insecure-requests;/g, ''),
  })
}
