// Which tests load a file: imports followed backwards, without those of types, which vanish.
import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseSync } from 'oxc-parser'
import { allFiles, ROOT } from './scope.mjs'

const isLoaded = ({ entries }) => entries.length === 0 || entries.some((entry) => !entry.isType)

const loadedBy = (path) => {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const { module } = parseSync(path, text)
  const exported = module.staticExports.flatMap(({ entries }) => entries)
  const requests = [
    ...module.staticImports.filter(isLoaded).map((one) => one.moduleRequest.value),
    ...exported
      .filter((one) => one.moduleRequest && !one.isType)
      .map((one) => one.moduleRequest.value),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) =>
      text.slice(start + 1, end - 1),
    ),
  ]
  return requests
    .filter((request) => request.startsWith('.'))
    .map((request) => posix.join(posix.dirname(path), request))
}

/** @returns {(path: string) => ReadonlySet<string>} The tests that load a file. */
export const importGraph = () => {
  const importers = new Map()
  for (const path of allFiles()) {
    for (const target of loadedBy(path)) {
      if (!importers.has(target)) importers.set(target, [])
      importers.get(target).push(path)
    }
  }
  return (path) => {
    const seen = new Set([path])
    for (const one of seen) for (const importer of importers.get(one) ?? []) seen.add(importer)
    return new Set([...seen].filter((one) => one.endsWith('.test.ts')))
  }
}
