import { measured, type Violation, type ViolationExample } from './analysis-report.ts'
import { RULES, severityFor, type RuleSet, type ViolationCode } from './analyzer-rules.ts'

export interface Finding {
  /** Byte offset of the packet. */
  readonly position: number
  /** Program time; undefined where there is none yet. */
  readonly timeMs: number | undefined
  readonly pid?: number
  readonly detail: string
}

interface Entry {
  count: number
  readonly examples: ViolationExample[]
}

/** Counts violations by code and keeps the first few of each: its size does not depend on the stream. */
export class ViolationLedger {
  readonly #entries = new Map<ViolationCode, Entry>()
  readonly #rules: RuleSet
  readonly #maxExamples: number

  constructor(rules: RuleSet, examples: number) {
    this.#rules = rules
    this.#maxExamples = Math.max(1, examples)
  }

  addViolation(code: ViolationCode, finding: Finding): void {
    const entry = this.#entries.get(code)
    if (entry === undefined) this.#entries.set(code, { count: 1, examples: [exampleOf(finding)] })
    else {
      entry.count++
      if (entry.examples.length < this.#maxExamples) entry.examples.push(exampleOf(finding))
    }
  }

  count(code: ViolationCode): number {
    return this.#entries.get(code)?.count ?? 0
  }

  /** Errors first, in the order of the rules. */
  violations(): Violation[] {
    const found: Violation[] = []
    for (const code of Object.keys(RULES) as ViolationCode[]) {
      const entry = this.#entries.get(code)
      if (entry !== undefined) found.push(this.#violation(code, entry))
    }
    const errors = found.filter((violation) => violation.severity === 'error')
    return [...errors, ...found.filter((violation) => violation.severity === 'warning')]
  }

  #violation(code: ViolationCode, entry: Entry): Violation {
    const { standard, text } = RULES[code]
    const first = entry.examples[0]!
    return {
      code,
      ...(standard === undefined ? {} : { standard }),
      severity: severityFor(this.#rules, code),
      count: entry.count,
      first,
      examples: [...entry.examples],
      sentence: `${entry.count} ×: ${text}. First ${locationText(first)}: ${first.detail}`,
    }
  }
}

const exampleOf = (finding: Finding): ViolationExample => ({
  position: finding.position,
  timeMs: measured(finding.timeMs),
  ...(finding.pid === undefined ? {} : { pid: finding.pid }),
  detail: finding.detail,
})

const locationText = (example: ViolationExample): string => {
  const { timeMs, pid } = example
  const time = typeof timeMs === 'number' ? `at ${(timeMs / 1000).toFixed(3)} s, ` : ''
  const track = pid === undefined ? '' : `, PID ${pid}`
  return `${time}byte ${example.position}${track}`
}
