import { contract } from './contract.ts'
import { openMemory } from './databases.ts'

contract('store on embedded Postgres', false, openMemory, async () => {})
