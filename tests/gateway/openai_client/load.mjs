// tests/gateway/openai_client/load.mjs: many requests by the client that users of the OpenAI API have, and a look at each
// answer.
//     node load.mjs URL KEY REQUESTS
// Prints how many of a kind were answered, as mixed_load.sh wants it; status 1, and what was wrong, if one was not right.
import assert from 'node:assert/strict'
import OpenAI from 'openai'

const [url, key, requests] = process.argv.slice(2)
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 })
const kinds = ['models', 'embeddings', 'chats', 'streams']
const counts = Object.fromEntries(kinds.map((kind) => [kind, 0]))
const vectors = new Map()
let next = 0

const ask = {
  async models() {
    const ids = (await client.models.list()).data.map((model) => model.id)
    assert(ids.includes('weir-ngram-384'), `models: ${ids}`)
  },
  async embeddings(number) {
    const input = `text ${number % 400} of all`
    const { data } = await client.embeddings.create({ model: 'weir-ngram-384', input })
    const vector = Buffer.from(new Float32Array(data[0].embedding).buffer).toString('base64')
    assert.equal(data[0].embedding.length, 384)
    assert.equal(vectors.get(input) ?? vector, vector, `two vectors of ${input}`)
    vectors.set(input, vector)
  },
  async chats(number) {
    const content = `number ${number} is said by the client of the API`
    const got = await client.chat.completions.create({ model: 'weir-echo', messages: [{ role: 'user', content }] })
    assert.equal(got.choices[0].message.content, content)
  },
  async streams(number) {
    const content = `number ${number} is streamed to the client of the API`
    const messages = [{ role: 'user', content }]
    const stream = await client.chat.completions.create({ model: 'weir-echo', messages, stream: true })
    let heard = ''
    for await (const chunk of stream) heard += chunk.choices[0]?.delta.content ?? ''
    assert.equal(heard, content)
  },
}

async function visit() {
  while (next < Number(requests)) {
    const number = next++
    const kind = kinds[number % kinds.length]
    await ask[kind](number)
    ++counts[kind]
  }
}
await Promise.all(Array.from({ length: 32 }, visit))
for (const kind of kinds) console.log(`${kind} ${counts[kind]}`)
