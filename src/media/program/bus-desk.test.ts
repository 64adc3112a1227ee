import { expect, it } from 'vitest'
import { rigSource, slateOf } from '../../../test/helpers/bus-rig.ts'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import { sourceId, SLATE } from '../../contract/ids.ts'
import { ChannelSpec } from '../../contract/spec.ts'
import { BusDesk } from './bus-desk.ts'
import type { ProgramSources } from './program-sources.ts'
import { defaultFormat } from '../format/program-format.ts'

const desk = (): BusDesk => {
  const source = rigSource('s1')
  const inputs: Pick<ProgramSources, 'get'> = { get: () => source as never }
  return new BusDesk({
    name: 'program',
    slate: slateOf(true, 1),
    silence: undefined,
    format: defaultFormat(undefined),
    spec: ChannelSpec.parse({}),
    stallMs: 2_000,
    clock: new FakeClock(),
    wallTime: () => 0,
    inputs: inputs as ProgramSources,
    emit: () => {},
    onChange: () => {},
  })
}

const planOf = (source: string) => ({
  source: source === SLATE ? SLATE : sourceId(source),
  mode: 'graceful' as const,
  notBefore: 0,
  deadline: 10_000,
})

it('answers an automatic take that somebody’s own take overtakes, so that failover goes on deciding', async () => {
  const subject = desk()
  const answers: string[] = []
  const behind = { cause: 'revert', problems: [], reason: 'healthy again' } as const
  const automatic = subject
    .automatic({ ...planOf('s1'), ...behind })
    .catch((error: Error) => answers.push(error.message))
  void subject.take(planOf('s2'))
  await Promise.race([automatic, new Promise((resolve) => setImmediate(resolve))])
  expect(answers).toEqual(['a take came first'])
  await subject.close()
})
