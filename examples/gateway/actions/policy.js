// examples/gateway/actions/policy.js: an example of an action.
// At most 64 texts in a request for embeddings, and nothing for clients that do not say who they are.
const limit = 64;

export default function (request) {
    if (!request.headers["user-agent"])
        return { reject: { status: 400, code: "no_user_agent", message: "the header User-Agent is missing" } };
    if (request.path !== "/v1/embeddings") return;
    const texts = request.json?.input; // undefined where the body is no JSON, which the gateway itself refuses
    if (Array.isArray(texts) && texts.length > limit)
        return { reject: { status: 413, code: "too_many_texts", message: `at most ${limit} texts in a request` } };
    return {
        request: { "x-team": request.key ?? "nobody" }, // whatever the client has sent under this name
        response: { "x-policy": "1" },
    };
}
