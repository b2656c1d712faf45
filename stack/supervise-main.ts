/** The process that holds one service; started by `startService`, with the service's name. */
import { StackError } from './stack-error.ts'
import { stackServices } from './stack-services.ts'
import { stackPlace, stackServiceNames } from './stack-settings.ts'
import { supervise } from './supervise.ts'

const name = stackServiceNames.find((each) => each === process.argv[2])
if (name === undefined) throw new StackError(`no service is called ${process.argv[2] ?? ''}`)
process.exitCode = await supervise(stackServices[name], stackPlace(process.env))
// The watcher and open handles of programs that were killed must not keep it.
process.exit()
