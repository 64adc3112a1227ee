import { PREVIEW } from '../../../contract/ids.ts'
import { z } from 'zod'
import type { ChannelPort } from '../../../contract/channel-port.ts'
import { TakeRequest } from '../../../contract/commands.ts'
import { TakeMode } from '../../../contract/spec.ts'
import type { ApiInstance } from './api-instance.ts'
import { TAKE_ANSWERS, takeReply } from './take-answer.ts'

const PreviewRequest = TakeRequest.omit({ bus: true })
const PreviewTake = z.strictObject({ mode: TakeMode.optional() }).nullish()

export const takeRoutes = (api: ApiInstance, port: ChannelPort): void => {
  api.post(
    '/switch',
    { schema: { summary: 'Take a source to a bus', body: TakeRequest, response: TAKE_ANSWERS } },
    async (request, reply) => {
      const { status, body } = takeReply(await port.take(request.body))
      return reply.code(status).send(body)
    },
  )

  api.post(
    '/preview',
    {
      schema: {
        summary: 'Take a source to the preview bus',
        body: PreviewRequest,
        response: TAKE_ANSWERS,
      },
    },
    async (request, reply) => {
      const { status, body } = takeReply(await port.take({ ...request.body, bus: PREVIEW }))
      return reply.code(status).send(body)
    },
  )

  api.post(
    '/preview/take',
    {
      schema: {
        summary: 'Take the preview source to the program',
        body: PreviewTake,
        response: TAKE_ANSWERS,
      },
    },
    async (request, reply) => {
      const { status, body } = takeReply(await port.takePreview(request.body?.mode))
      return reply.code(status).send(body)
    },
  )
}
