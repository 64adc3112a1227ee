import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const ROOT = new URL('../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')

const FILES = ['src', 'test', 'bench', 'tools', 'web', 'docs'].flatMap((folder) =>
  readdirSync(new URL(folder, ROOT), { recursive: true }).map(
    (name) => `${folder}/${String(name).replaceAll('\\', '/')}`,
  ),
)
const exists = (path: string): boolean =>
  FILES.some((file) => file === path || file.endsWith(`/${path}`))

const DOCUMENTS = [
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'GLOSSARY.md',
  'README.md',
  'docs/outputs.md',
]

test.each(DOCUMENTS)('%s names files that exist', (document) => {
  const named = [...read(document).matchAll(/`([\w][\w./-]*\.(?:ts|mjs))`/g)].map(
    ([, path]) => path!,
  )
  const missing = named.filter((path) => !exists(path) && path !== 'boundaries.mjs')
  expect(missing).toEqual([])
})

test('ARCHITECTURE.md names every folder of src', () => {
  const text = read('ARCHITECTURE.md')
  const folders = new Set(
    FILES.filter((file) => file.startsWith('src/') && /[^t]\.ts$|(?<!\.tes)t\.ts$/.test(file)).map(
      (file) => file.split('/').slice(0, -1).join('/'),
    ),
  )
  const unnamed = [...folders].filter(
    (folder) =>
      folder !== 'src' &&
      !text.includes(`\`${folder}\``) &&
      !text.includes(`\`${folder.split('/').at(-1)!}\``),
  )
  expect(unnamed).toEqual([])
})

test('tests that ARCHITECTURE.md quotes by their title exist', () => {
  const table = read('ARCHITECTURE.md').split('## Invariants and their tests')[1]!
  const titles = [...table.matchAll(/"([^"]+)"/g)].flatMap(([, title]) => title!.split('…'))
  expect(titles.length).toBeGreaterThan(10)
  const sources = FILES.filter((file) => file.endsWith('.test.ts'))
    .map(read)
    .join('\n')
  expect(titles.map((title) => title.trim()).filter((title) => !sources.includes(title))).toEqual(
    [],
  )
})
