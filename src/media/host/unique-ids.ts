import { SluiceError } from '../../contract/errors.ts'
import type { ChannelSpec } from '../../contract/spec.ts'

/** Throws SluiceError when two sources or two outputs have the same id. */
export const checkIds = ({ sources, outputs }: ChannelSpec): void => {
  for (const [word, list] of [
    ['source', sources],
    ['output', outputs],
  ] as const) {
    const ids = list.map(({ id }) => id as string)
    const twice = ids.find((id, index) => ids.indexOf(id) !== index)
    if (twice !== undefined) throw new SluiceError('id_in_use', `${word} "${twice}" exists twice`)
  }
}
