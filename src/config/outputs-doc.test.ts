import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { loadGiven } from '../../test/helpers/given-config.ts'
import {
  HlsSpec,
  IcecastSpec,
  LadderSpec,
  ListenerSpec,
  PushSpec,
  RecordSpec,
} from '../contract/output-spec.ts'
import { NAMED_VARIABLES } from './environment-outputs.ts'
import { SCALAR_OPTIONS } from './options.ts'

const text = readFileSync(new URL('../../docs/outputs.md', import.meta.url), 'utf8')

/** From the sentence "Settings, section `[hls]`" to the end of its table: setting, default. */
const tableOf = (section: string): Map<string, string> => {
  const begin = text.indexOf(`ettings, section \`[${section}]\``)
  expect(begin, `docs/outputs.md has no table of [${section}]`).toBeGreaterThan(0)
  const table = /(?:^\|.*\n)+/m.exec(text.slice(begin))?.[0] ?? ''
  const rows = table.split('\n').slice(2, -1)
  return new Map(
    rows.map((row) => {
      const [, setting = '', usual = ''] = row.split('|').map((cell) => cell.trim())
      return [setting.replaceAll('`', ''), usual.replaceAll('`', '')]
    }),
  )
}

/** Default as a person writes it: "6000k". Undefined for fields without one, and for lists, which the guide describes. */
const usualOf = (field: z.core.$ZodType): string | undefined => {
  if (!(field instanceof z.ZodDefault || field instanceof z.ZodPrefault)) return undefined
  const value: unknown = field.def.defaultValue
  return typeof value === 'object' ? undefined : String(value)
}

test.each([
  ['hls', HlsSpec, ['ladder']],
  ['hls.ladder', LadderSpec, []],
  ['outputs.push', PushSpec, []],
  ['outputs.icecast', IcecastSpec, []],
  ['outputs.record', RecordSpec, []],
  ['listeners', ListenerSpec, []],
] as const)('every setting of [%s] is in the guide with its default', (section, spec, apart) => {
  const table = tableOf(section)
  const fields = Object.entries(spec.shape).filter(([name]) => !apart.some((one) => one === name))
  expect([...table.keys()]).toEqual(fields.map(([name]) => name))
  for (const [name, field] of fields) {
    const usual = usualOf(field)
    if (usual !== undefined) expect([name, table.get(name)]).toEqual([name, usual])
  }
})

test('every variable with a name of its own is in the guide, and every flag of the packager', () => {
  const flags = SCALAR_OPTIONS.filter(({ path }) => path[0] === 'hls').map(
    ({ flag }) => `--${flag}`,
  )
  for (const name of [...NAMED_VARIABLES, ...flags]) expect(text).toContain(`\`${name}\``)
})

const blocks = [...text.matchAll(/```toml\n([^`]*)```/g)].map(([, toml = '']) => toml)

test('every configuration in the guide is accepted', () => {
  expect(blocks.length).toBeGreaterThan(5)
  for (const toml of blocks) expect(() => loadGiven({ toml }), toml).not.toThrow()
})
