/**
 * The continuity claims in accelerated time, with real coded media: thousands of takes, failures, restarts and wraps,
 * judged by our analyzer, tsreport, ffmpeg's decoders and ffmpeg's continuity check.
 * Run: npx tsc -p tsconfig.json --outDir /tmp/x; node /tmp/x/bench/continuity.js [share of the full numbers] [name]
 */
import {
  failures,
  outcomeFaults,
  type Outcome,
  restarts,
  seamlessTwins,
  takesBetween,
  tenTakesASecond,
  wraps,
} from '../test/helpers/continuity-scenarios.ts'
import { FAMILIES } from '../test/helpers/rig-families.ts'
import { memoryOverAnHour } from './continuity/memory.ts'

const share = Number(process.argv[2] ?? 1)
const only = process.argv[3] ?? ''
const many = (count: number): number => Math.max(3, Math.round(count * share))

const percentile = (rising: readonly number[], p: number): string =>
  rising.length === 0
    ? '-'
    : rising[Math.min(rising.length - 1, Math.floor(rising.length * p))]!.toFixed(0)

const scenarios: readonly (readonly [string, () => Promise<Outcome>])[] = [
  ...FAMILIES.map(
    (family) =>
      [`cutover ${family.name}`, () => takesBetween(family, 'cutover', many(250))] as const,
  ),
  ...FAMILIES.map(
    (family) =>
      [`graceful ${family.name}`, () => takesBetween(family, 'graceful', many(250))] as const,
  ),
  ['identical', () => seamlessTwins('identical', many(1_000))],
  ['aligned', () => seamlessTwins('aligned', many(1_000))],
  ...FAMILIES.map(
    (family) => [`failures ${family.name}`, () => failures(family, many(50))] as const,
  ),
  ...FAMILIES.map(
    (family) => [`restarts ${family.name}`, () => restarts(family, many(13))] as const,
  ),
  ...FAMILIES.map((family) => [`wraps ${family.name}`, () => wraps(family, many(20))] as const),
  ['ten', () => tenTakesASecond(Math.max(6, 60 * share))],
]

const print = (cells: readonly (string | number)[]): void => {
  const widths = [46, 6, 5, 9, 9, 8, 8, 7, 6, 6, 9, 8]
  console.log(
    cells
      .map((cell, i) =>
        i === 0 ? String(cell).padEnd(widths[0]!) : String(cell).padStart(widths[i] ?? 8),
      )
      .join(' '),
  )
}

print([
  'scenario',
  'takes',
  'cuts',
  'analyzer',
  'tsreport',
  'decoder',
  'ffmpeg',
  'A/V fr.',
  'p50',
  'p99',
  'media s',
  'seconds',
])
let failed = 0
for (const [name, run] of scenarios) {
  if (!name.includes(only)) continue
  const outcome = await run()
  const { analyzer, tsreport, decoder, continuity, lipSync, waits } = outcome
  print([
    outcome.name,
    outcome.takes,
    outcome.cuts,
    analyzer.length,
    tsreport.length,
    decoder.length,
    continuity.length,
    lipSync.worstFrames.toFixed(3),
    percentile(waits, 0.5),
    percentile(waits, 0.99),
    outcome.mediaSeconds.toFixed(0),
    outcome.seconds.toFixed(1),
  ])
  const found = outcomeFaults(outcome)
  if (found.length > 0) failed++
  for (const text of found.slice(0, 12)) console.log(`    ${text}`)
}
if ('memory'.includes(only)) await memoryOverAnHour(Math.max(60, 3_600 * share))
if (failed > 0) process.exitCode = 1
