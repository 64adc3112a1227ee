/**
 * Random sources, takes and failures for a bus, for the given time: prints the shortest failing sequence.
 * Run: npx tsc -p tsconfig.json --outDir /tmp/x; node /tmp/x/bench/continuity/adversity.js [seconds] [seed]
 */
import fc from 'fast-check'
import { playScenario, scenario } from '../../test/helpers/random-scenarios.ts'

const seconds = Number(process.argv[2] ?? 20)
const seed = process.argv[3] === undefined ? Date.now() : Number(process.argv[3])
const result = fc.check(
  fc.property(scenario, (told) => playScenario(told).length === 0),
  { numRuns: 1_000_000, interruptAfterTimeLimit: seconds * 1_000, seed },
)
console.log(`${result.numRuns} stories, seed ${seed}: ${result.failed ? 'BROKEN' : 'all held'}`)
if (result.counterexample !== null) {
  console.log(JSON.stringify(result.counterexample[0]))
  console.log(playScenario(result.counterexample[0]).slice(0, 10).join('\n'))
  process.exitCode = 1
}
