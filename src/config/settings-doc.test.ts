import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import {
  FailoverSpec,
  FormatSpec,
  SlateSpec,
  SourceSpec,
  Thresholds,
  ViewerLimits,
} from '../contract/spec.ts'
import { OTHER_VARIABLES, SCALAR_OPTIONS, variableOf } from './options.ts'
import { unwrapSchema } from './schema-walk.ts'
import { ConfigInput } from './schema.ts'

const text = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8')

/** Setting and default of each table row, by section. */
const SECTIONS = new Map(
  text.split(/^## /m).map((section) => {
    const rows = [...section.matchAll(/^\| `([\w.]+)` \| (?:`([^`]*)`)?[^|]*\|/gm)]
    return [
      section.split('\n')[0]!,
      new Map(rows.map(([, name = '', usual]) => [name, usual])),
    ] as const
  }),
)

/** Default as a person writes it; undefined for a table or a field without one. */
const usualOf = (field: z.core.$ZodType): string | undefined => {
  if (!(field instanceof z.ZodDefault || field instanceof z.ZodPrefault)) return undefined
  const value: unknown = field.def.defaultValue
  return typeof value === 'object' ? undefined : String(value)
}

const shapeOf = (schema: z.core.$ZodType | undefined): Record<string, z.core.$ZodType> => {
  const here = schema === undefined ? undefined : unwrapSchema(schema)
  const option = here instanceof z.ZodUnion ? here.options.at(-1) : here
  return option instanceof z.ZodObject ? option.shape : {}
}

const { video, audio } = FormatSpec.shape

const PROCESS = ['listen', 'token', 'tokenFile', 'ffmpeg', 'stateDir', 'logLevel', 'json']
const fieldsOf = (shape: object, prefix = ''): [string, z.core.$ZodType][] =>
  Object.entries<z.core.$ZodType>(shape as never).map(([name, field]) => [prefix + name, field])
const isProcess = ([name]: [string, unknown]): boolean => PROCESS.includes(name)
const OF_CONFIG = fieldsOf(ConfigInput.shape)

test.each([
  ['Process', OF_CONFIG.filter(isProcess)],
  ['Channel', OF_CONFIG.filter((field) => !isProcess(field))],
  [
    'Format',
    [...fieldsOf(shapeOf(video), 'format.video.'), ...fieldsOf(shapeOf(audio), 'format.audio.')],
  ],
  ['Failover', [...fieldsOf(FailoverSpec.shape, 'failover.'), ...fieldsOf(Thresholds.shape)]],
  ['Slate', fieldsOf(SlateSpec.shape, 'slate.')],
  ['Viewers', fieldsOf(ViewerLimits.shape, 'viewers.')],
  ['Sources', fieldsOf(SourceSpec.shape)],
])('section %s holds every setting with its default, and no other', (section, fields) => {
  const rows = SECTIONS.get(section)
  expect([...rows!.keys()].toSorted()).toEqual(fields.map(([name]) => name).toSorted())
  for (const [name, field] of fields) {
    const usual = usualOf(field)
    if (usual !== undefined) expect([name, rows!.get(name)]).toEqual([name, usual])
  }
})

test('the variables that are no settings are in the reference', () => {
  expect([...SECTIONS.get('Environment only')!.keys()]).toEqual(OTHER_VARIABLES)
})

test('every flag and its variable are in a guide', () => {
  const guides = text + readFileSync(new URL('../../docs/outputs.md', import.meta.url), 'utf8')
  for (const { flag, path } of SCALAR_OPTIONS) {
    expect(guides).toContain(`\`--${flag}\``)
    if (path[0] !== 'hls') expect(guides).toContain(`\`${variableOf(flag)}\``)
  }
})
