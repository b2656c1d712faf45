import { spawnGuarded } from '../../stack/spawn-guarded.ts'

/** Starts a guarded program, prints its pid and waits to be killed. */
const child = spawnGuarded('sleep', ['600'])
console.log(child.pid)
