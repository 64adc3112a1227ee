import { z } from 'zod'
import type { ChannelPort } from '../../../contract/channel-port.ts'
import { SluiceError } from '../../../contract/errors.ts'
import type { OutputId } from '../../../contract/ids.ts'
import { OutputSpec } from '../../../contract/output-spec.ts'
import { OutputStatus } from '../../../contract/status.ts'
import type { ApiInstance } from './api-instance.ts'

const OutputPath = z.object({ id: z.string().transform((id) => id as OutputId) })

const OutputList = z.object({ outputs: z.array(OutputStatus).readonly() })

export const outputRoutes = (api: ApiInstance, port: ChannelPort): void => {
  api.get(
    '/outputs',
    { schema: { summary: 'All outputs', response: { 200: OutputList } } },
    async () => ({
      outputs: (await port.status()).outputs,
    }),
  )

  api.post(
    '/outputs',
    {
      schema: {
        summary: 'Add an output on the air',
        body: OutputSpec,
        response: { 201: OutputStatus },
      },
    },
    async (request, reply) => {
      await port.addOutput(request.body)
      const added = (await port.status()).outputs.find((output) => output.id === request.body.id)
      if (added === undefined) {
        throw new SluiceError('unknown_output', `output ${request.body.id} ended at once`)
      }
      return reply.code(201).send(added)
    },
  )

  api.delete(
    '/outputs/:id',
    {
      schema: { summary: 'Remove an output', params: OutputPath, response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await port.removeOutput(request.params.id)
      return reply.code(204).send()
    },
  )
}
