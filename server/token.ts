/** `npm run token -- --user ann --role client [--name Ann] [--days 30]`: prints a token signed with this server's secret. */
import { parseArgs } from 'node:util'
import { createAuth } from './auth.ts'
import { readConfig } from './config.ts'
import { dialectNames } from './dialects/index.ts'
import { idSource } from './id.ts'
import { developmentSecret } from './secret.ts'

const { values } = parseArgs({
  options: {
    user: { type: 'string' },
    role: { type: 'string', default: 'client' },
    name: { type: 'string' },
    days: { type: 'string', default: '30' },
  },
})
const days = Number(values.days)
if (!values.user || !(days > 0)) {
  console.error('usage: npm run token -- --user ann [--role client] [--name Ann] [--days 30]')
  process.exit(2)
}
const { jwt, dataDir } = readConfig(dialectNames)
const auth = createAuth({
  secret: jwt.secret ?? (jwt.publicKey === undefined ? developmentSecret(dataDir) : undefined),
  publicKey: jwt.publicKey,
  newId: idSource(),
  standing: async () => null,
  admit: () => Promise.reject(new Error('no user is admitted here')),
})
console.log(
  auth.sign({ userId: values.user, role: values.role, ...(values.name && { name: values.name }) }, days * 86_400),
)
