import { execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Compiles the given files of src (and what they import) into `folder`, for tests that need a Node process of their own. */
export const compileInto = (folder: string, files: readonly string[]): void => {
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const options =
    '--ignoreConfig --module nodenext --target es2023 --types node --skipLibCheck --rewriteRelativeImportExtensions'
  execFileSync(
    join(ROOT, 'node_modules/.bin/tsc'),
    [
      ...options.split(' '),
      ...['--rootDir', join(ROOT, 'src'), '--outDir', folder],
      ...files.map((file) => join(ROOT, 'src', file)),
    ],
    { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] },
  )
}
