import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processHost, type ProcessHost } from '../../src/process/host.ts'
import { openLedger } from '../../src/process/ledger.ts'

export interface TestHost {
  readonly host: ProcessHost
  /** A folder of the test's own; removed by `close`. */
  readonly folder: string
  close(): void
}

/** A process host whose ledger lies in a temporary folder. */
export const testHost = (): TestHost => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  const ledger = openLedger(join(folder, 'ledger'))
  return {
    host: processHost(ledger),
    folder,
    close: () => {
      ledger.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
