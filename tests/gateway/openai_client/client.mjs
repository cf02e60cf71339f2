// tests/gateway/openai_client/client.mjs: what users of the OpenAI API do, by its own client, unchanged.
//     node client.mjs URL KEY [proxied]
// With "proxied" the gateway passes chats on to another gateway, so that what was aborted can be counted.
import assert from 'node:assert/strict'
import OpenAI from 'openai'

const [url, key, mode] = process.argv.slice(2)
const proxied = mode === 'proxied'
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 })
const hello = { model: 'weir-echo', messages: [{ role: 'user', content: 'hello big world' }] }

// The value of a metric without labels.
async function metric(name) {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  assert(line, `/metrics does not tell ${name}`)
  return Number(line.split(' ')[1])
}

async function until(holds, what) {
  for (const end = Date.now() + 10_000; !(await holds()); ) {
    assert(Date.now() < end, `waited in vain until ${what}`)
    await new Promise((wake) => setTimeout(wake, 10))
  }
}

// An error of the client's own class, as it makes it of a status, with what the gateway says of it.
async function refused(promise, kind, expected) {
  await assert.rejects(promise, (error) => {
    assert(error instanceof kind, `${error.constructor.name} in the place of ${kind.name}: ${error.message}`)
    for (const [name, value] of Object.entries(expected)) assert.equal(error[name], value, `${name} of ${error.message}`)
    return true
  })
}

const tests = {
  async 'the models are listed, and found by their names'() {
    const ids = []
    for await (const model of client.models.list()) ids.push(model.id)
    assert(ids.includes('weir-ngram-384') && ids.includes('weir-echo'), `models: ${ids}`)
    const model = await client.models.retrieve('weir-echo')
    assert.equal(model.object, 'model')
    assert.equal(model.owned_by, 'weir')
    await refused(client.models.retrieve('no/such model'), OpenAI.NotFoundError, { status: 404, code: 'model_not_found' })
  },

  async 'embeddings are the same floats in base64, which the client asks for by itself, and in decimals'() {
    const input = ['a word', 'another', 'a word']
    const asked = { model: 'weir-ngram-384', input }
    const packed = await client.embeddings.create(asked)
    const plain = await client.embeddings.create({ ...asked, encoding_format: 'float' })
    assert.deepEqual(packed.data.map((each) => each.index), [0, 1, 2])
    for (let i = 0; i < 3; ++i) {
      assert.equal(packed.data[i].embedding.length, 384)
      assert.deepEqual(Array.from(packed.data[i].embedding), Array.from(new Float32Array(plain.data[i].embedding)))
      const square = packed.data[i].embedding.reduce((sum, x) => sum + x * x, 0)
      assert(Math.abs(square - 1) < 1e-4, `length ${square}`)
    }
    assert.deepEqual(packed.data[0].embedding, packed.data[2].embedding)
    assert.notDeepEqual(packed.data[0].embedding, packed.data[1].embedding)
    assert.deepEqual(packed.usage, plain.usage)
    assert(packed.usage.total_tokens > 0)
    const raw = await client.embeddings.create({ ...asked, encoding_format: 'base64' })
    assert.equal(typeof raw.data[0].embedding, 'string')
  },

  async 'thousands of texts are embedded in one request'() {
    const input = Array.from({ length: 2048 }, (_, i) => `text number ${i % 1000}`)
    const { data } = await client.embeddings.create({ model: 'weir-ngram-384', input })
    assert.equal(data.length, 2048)
    assert.deepEqual(data[3].embedding, data[1003].embedding)
  },

  async 'a chat is answered at once'() {
    const got = await client.chat.completions.create(hello)
    assert.equal(got.object, 'chat.completion')
    assert.equal(got.choices[0].message.content, 'hello big world')
    assert.equal(got.choices[0].finish_reason, 'stop')
    assert.deepEqual(got.usage, { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 })
    const cut = await client.chat.completions.create({ ...hello, max_tokens: 2, n: 2 })
    assert.deepEqual(cut.choices.map((each) => each.message.content), ['hello big', 'hello big'])
    assert.equal(cut.choices[1].finish_reason, 'length')
  },

  async 'a chat is streamed word by word, with its usage where that is asked for'() {
    const stream = await client.chat.completions.create({ ...hello, stream: true, stream_options: { include_usage: true } })
    const words = []
    let usage = null
    let reason = null
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) words.push(chunk.choices[0].delta.content)
      reason = chunk.choices[0]?.finish_reason ?? reason
      usage = chunk.usage ?? usage
    }
    assert.deepEqual(words, ['hello', ' big', ' world'])
    assert.equal(reason, 'stop')
    assert.equal(usage.completion_tokens, 3)
    const final = await client.chat.completions.stream(hello).finalChatCompletion()
    assert.equal(final.choices[0].message.content, 'hello big world')
  },

  async 'a stream that the client aborts ends at the other side, too'() {
    const left = proxied ? await metric('gateway_chat_left_total') : 0
    const content = `${'w'.repeat(63)} `.repeat(4096)
    for (let round = 1; round <= 3; ++round) {
      const stream = await client.chat.completions.create({ ...hello, messages: [{ role: 'user', content }], n: 8, stream: true })
      let chunks = 0
      for await (const chunk of stream) {
        assert.equal(chunk.object, 'chat.completion.chunk')
        if (++chunks === 3) stream.controller.abort()
      }
      assert(chunks < 4096 * 8, 'nothing was aborted')
      if (proxied) await until(async () => (await metric('gateway_chat_left_total')) >= left + round, 'the abort is counted')
    }
    assert.equal((await client.chat.completions.create(hello)).choices[0].message.content, 'hello big world')
  },

  async 'what is refused becomes the error of the client that is meant for it'() {
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'wrong', maxRetries: 0 })
    await refused(stranger.models.list(), OpenAI.AuthenticationError, { status: 401, code: 'invalid_api_key' })
    await refused(stranger.chat.completions.create({ ...hello, stream: true }), OpenAI.AuthenticationError, { status: 401 })
    await refused(client.chat.completions.create({ ...hello, model: 'gpt' }), OpenAI.NotFoundError, { code: 'model_not_found' })
    await refused(client.chat.completions.create({ ...hello, n: 9 }), OpenAI.BadRequestError, { status: 400, param: 'n' })
    await refused(client.chat.completions.create({ ...hello, stream: true, tools: [] }), OpenAI.BadRequestError, { param: 'tools' })
    await refused(client.chat.completions.create({ model: 'weir-echo' }), OpenAI.BadRequestError, { param: 'messages' })
    await refused(client.embeddings.create({ model: 'weir-ngram-384', input: [1, 2] }), OpenAI.BadRequestError, { param: 'input' })
    await refused(client.embeddings.create({ model: 'weir-ngram-384', input: 'a', dimensions: 3 }), OpenAI.BadRequestError,
      { param: 'dimensions' })
    await refused(client.embeddings.create({ model: 'gpt', input: 'a' }), OpenAI.NotFoundError, { param: 'model' })
  },
}

let failed = 0
for (const [name, test] of Object.entries(tests)) {
  try {
    await test()
  } catch (error) {
    ++failed
    console.error(`failed: ${name}\n${error.stack}`)
  }
}
console.log(`${Object.keys(tests).length - failed} of ${Object.keys(tests).length} passed`)
process.exitCode = failed ? 1 : 0
