import fc from 'fast-check'
import { play, story } from '../test/helpers/adversity.ts'
const seconds = Number(process.argv[2] ?? 20)
let slow = 0
const result = fc.check(
  fc.property(story, (s) => {
    const t = performance.now()
    const f = play(s)
    const d = performance.now() - t
    if (d > slow) {
      slow = d
      if (d > 20000) f.push(`slow ${d}`)
    }
    return f.length === 0 || console.error === undefined
  }),
  {
    numRuns: 5000,
    interruptAfterTimeLimit: seconds * 1000,
    ...(process.argv[3] ? { seed: Number(process.argv[3]) } : {}),
  },
)
console.log(
  'runs',
  result.numRuns,
  'failed',
  result.failed,
  'slowest',
  Math.round(slow),
  'seed',
  result.seed,
)
if (result.counterexample) {
  const s = result.counterexample[0]
  console.log(JSON.stringify(s))
  console.log(play(s))
}
