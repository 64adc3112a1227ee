import { millis } from '../contract/time.ts'
import { formatReport } from '../analyzer/analysis-text.ts'
import { Analyzer } from '../analyzer/analyzer.ts'
import type { StartAnalysis } from './analyze.ts'

/** Adapter of the analyser to the command. */
export const startAnalysis: StartAnalysis = (rules) => {
  const analyzer = new Analyzer({ rules })
  return {
    push: (bytes, arrivalMs) =>
      analyzer.push(bytes, arrivalMs === undefined ? undefined : millis(arrivalMs)),
    finish: () => {
      analyzer.finish()
      const report = analyzer.report()
      return { text: formatReport(report), report, errors: report.errors, packets: report.packets }
    },
  }
}
