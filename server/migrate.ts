/** `npm run db:migrate`: brings the database to the newest schema and ends. The server does the same at its start. */
import { readConfig } from './config.ts'
import { dialectNames } from './dialects/index.ts'
import { openStore } from './store/store.ts'

const { databaseUrl, dataDir } = readConfig(dialectNames)
const store = await openStore(databaseUrl === undefined ? { dataDir } : { databaseUrl })
await store.close()
console.log('The database has the newest schema.')
