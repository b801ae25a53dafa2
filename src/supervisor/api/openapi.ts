import swagger from '@fastify/swagger'
import fastify from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { EndpointName } from './endpoints.ts'
import { endpoints } from './endpoints.ts'
import { routes } from './routes.ts'
import { agentView, event, failure, status, task } from './schemas.ts'

const named = { Agent: agentView, Event: event, Failure: failure, Status: status, Task: task }
for (const [id, schema] of Object.entries(named)) z.globalRegistry.add(schema, { id })

const mediaTypes = {
  json: 'application/json',
  text: 'text/plain',
  bytes: 'application/octet-stream',
  events: 'text/event-stream',
}

/** The OpenAPI description of the table of endpoints. */
export async function describeApi(version: string): Promise<Record<string, unknown>> {
  const app = fastify({ exposeHeadRoutes: false })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'squadd', version, description: 'Supervises a fleet of coding agents.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  })
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const { method, path, doc } = endpoints[name]
    app.route({ method, url: path, schema: schemaOf(name, doc), handler: () => null })
  }
  await app.ready()
  return { ...app.swagger() }
}

function schemaOf(name: EndpointName, doc: string) {
  const { method, path, reply } = endpoints[name]
  const { output, status } = routes[name]
  const input: z.ZodType = routes[name].input
  const id = path.includes(':id')
  const parts: Record<string, z.ZodType> = {}
  if (input instanceof z.ZodObject) {
    const rest = id ? input.omit({ id: true }) : input
    if (id) parts['params'] = input.pick({ id: true })
    if (Object.keys(rest.shape).length > 0) parts[method === 'POST' ? 'body' : 'querystring'] = rest
  } else parts['body'] = input
  return {
    operationId: name,
    summary: doc,
    ...parts,
    response: {
      [status]: { description: 'Done.', content: { [mediaTypes[reply]]: { schema: output } } },
      default: { description: 'An error.', content: { 'application/json': { schema: failure } } },
    },
  }
}
