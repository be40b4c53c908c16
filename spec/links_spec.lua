local clients = require "spec.support.clients"
local core = require "locksmith.core"
local json = require "locksmith.json"
local sandbox = require "locksmith.sandbox"
local virtual = require "spec.support.virtual"

local fields = clients.link_fields

local function body_of(request)
  local ok, value = json.decode(request.body)
  assert.is_true(ok)
  return value
end

describe("links:create", function()
  it("sends one JSON POST with the key and gives the link in snake_case", function()
    local lockpub, requests = clients.lockpub { clients.CREATED }
    local link, response = lockpub.links:create(fields { redirect_limit = 3 })
    assert.equal("https://lock.pub/k3x9", link.short_url)
    assert.equal("k3x9", link.slug)
    assert.equal("3", tostring(link.redirect_limit))
    assert.is_nil(link.note)
    assert.equal("https://lock.pub/k3x9", link.raw.shortUrl)
    assert.equal(1, #requests)
    local request = requests[1]
    assert.equal("POST", request.method)
    assert.equal("https://lock.pub/api/v1/links", request.url)
    assert.equal("Bearer " .. sandbox.LOCKPUB_KEY, virtual.header(request, "authorization"))
    assert.equal("application/json", virtual.header(request, "content-type"))
    assert.equal("application/json", virtual.header(request, "accept"))
    assert.truthy(virtual.header(request, "user-agent"):find "^locksmith/%d")
    assert.same({ type = "url", targetUrl = "https://example.com/private", password = "share-this-separately",
      memo = "Client contract", redirectLimit = 3 }, body_of(request))
    assert.equal(201, response.status)
    assert.same({ limit = 1000, remaining = 999, reset = 1782864000, as_of = 1780000000 }, response.quota)
    assert.equal("999", response.headers["x-api-quota-remaining"])
    assert.is_false(response.recovered)
    assert.equal(1, #response.attempts)
    assert.equal(201, response.attempts[1].status)
  end)

  it("takes the provider's camelCase names, so that its examples can be pasted", function()
    local lockpub, requests = clients.lockpub { clients.CREATED }
    assert(lockpub.links:create { type = "url", targetUrl = "https://example.com/private",
      password = "share-this-separately", memo = "Client contract", redirectLimit = 3 })
    assert(lockpub.links:create { type = "memo", secretMemo = "The encrypted memo body",
      password = "share-this-separately", memo = "Internal note" })
    assert.equal("https://example.com/private", body_of(requests[1]).targetUrl)
    assert.equal("The encrypted memo body", body_of(requests[2]).secretMemo)
  end)

  it("takes link for target_url", function()
    local lockpub, requests = clients.lockpub { clients.CREATED }
    assert(lockpub.links:create(fields { target_url = false, link = "https://example.com/x" }))
    assert.equal("https://example.com/x", body_of(requests[1]).targetUrl)
  end)

  it("writes times as ISO 8601 in UTC, from seconds or from any zone", function()
    local lockpub, requests = clients.lockpub { clients.CREATED }
    assert(lockpub.links:create(fields { start_time = 1780000000, expire_time = "2027-01-01T01:30:00+02:00" }))
    local body = body_of(requests[1])
    assert.equal("2026-05-28T20:26:40Z", body.startTime)
    assert.equal("2026-12-31T23:30:00Z", body.expireTime)
  end)

  it("passes extra fields through untouched", function()
    local lockpub, requests = clients.lockpub { clients.CREATED }
    assert(lockpub.links:create(fields { extra = { notifyEmail = "a@example.com", tags = { "a", "b" } } }))
    local body = body_of(requests[1])
    assert.equal("a@example.com", body.notifyEmail)
    assert.same({ "a", "b" }, body.tags)
    assert.is_nil(body.extra)
  end)

  local refused = {
    { "no type", { type = false }, "type is required" },
    { "an unknown type", { type = "file" }, "type must be" },
    { "no target_url", { target_url = false }, "target_url is required" },
    { "an empty target_url", { target_url = "" }, "target_url must not be empty" },
    { "no password", { password = false }, "password is required" },
    { "an empty password", { password = "" }, "password must not be empty" },
    { "no memo", { memo = false }, "memo is required" },
    { "no secret_memo in a memo", { type = "memo", target_url = false }, "secret_memo is required" },
    { "a secret_memo in a url link", { secret_memo = "hidden" }, "secret_memo belongs" },
    { "a target_url in a memo", { type = "memo", secret_memo = "hidden words" }, "target_url belongs" },
    { "a slug of 2", { custom_slug = "ab" }, "custom_slug must have at least 3" },
    { "a slug of 31", { custom_slug = ("a"):rep(31) }, "custom_slug must have at most 30" },
    { "a slug with a capital", { custom_slug = "abC" }, "custom_slug must be lower%-case" },
    { "a limit of 0", { redirect_limit = 0 }, "redirect_limit must be a positive whole number" },
    { "a negative limit", { redirect_limit = -1 }, "redirect_limit must be a positive whole number" },
    { "a fractional limit", { redirect_limit = 2.5 }, "redirect_limit must be a positive whole number" },
    { "an infinite limit", { redirect_limit = math.huge }, "redirect_limit must be a positive whole number" },
    { "a limit that is no number", { redirect_limit = "3" }, "redirect_limit must be a number" },
    { "an unparsable time", { expire_time = "tomorrow" }, "expire_time is not an ISO 8601 time" },
    { "a day that does not exist", { expire_time = "2027-02-29T00:00:00Z" }, "expire_time is not" },
    { "a time that is a table", { start_time = {} }, "start_time must be a time" },
    { "a start at the end", { start_time = 1790000000, expire_time = 1790000000 }, "start_time must lie" },
    { "a start after the end", { start_time = "2027-01-02", expire_time = "2027-01-01" }, "start_time must lie" },
    { "the password in the memo", { memo = "use share-this-separately" }, "memo is public and must not" },
    { "the secret memo in the memo", { type = "memo", target_url = false, secret_memo = "42", memo = "it is 42" },
      "memo is public and must not contain the secret" },
    { "an unknown field", { redirect_limt = 3 }, "redirect_limt is not a field" },
    { "a field under two names", { targetUrl = "https://example.com" }, "given twice" },
    { "a password that is a number", { password = 1234 }, "password must be a string" },
    { "a memo that is no UTF-8", { memo = "caf\233" }, "memo is not valid UTF%-8" },
    { "an extra that is a known field", { extra = { password = "x" } }, "password is a field of its own" },
    { "an extra that is no table", { extra = "x" }, "extra must be a table" },
    { "an extra that JSON cannot hold", { extra = { f = print } }, "extra cannot be written as JSON" },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[1] .. " and sends nothing", function()
      local lockpub, requests = clients.lockpub { clients.CREATED }
      local link, err = lockpub.links:create(fields(case[2]))
      assert.is_nil(link)
      assert.equal("invalid_request", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal("local", err.source)
      assert.equal("lockpub.links.create", err.operation)
      assert.truthy(err.message:find(case[3]), err.message)
      assert.same({}, err.attempts)
      assert.equal(0, #requests)
      assert.is_nil(tostring(err):find("share-this-separately", 1, true))
    end)
  end

  it("lets a short password stand in the memo: it may be part of a word", function()
    local lockpub = clients.lockpub { clients.CREATED }
    assert(lockpub.links:create(fields { password = "act", memo = "Client contract" }))
  end)

  it("raises at the caller's line when fields is no table", function()
    local lockpub = clients.lockpub { clients.CREATED }
    local ok, message = pcall(function() lockpub.links:create("url") end)
    assert.is_false(ok)
    assert.truthy(message:find "links_spec.lua:%d+: .*'fields' must be a table")
  end)

  it("reports a duplicate slug as conflict", function()
    local taken = '{"error":{"code":"SLUG_TAKEN","message":"Slug in use"}}'
    local lockpub = clients.lockpub { { status = 409, body = taken } }
    local link, err = lockpub.links:create(fields { custom_slug = "taken" })
    assert.is_nil(link)
    assert.equal("conflict", err.kind)
    assert.equal("rejected", err.outcome)
    assert.equal("SLUG_TAKEN", err.code)
    assert.equal("Slug in use", err.message)
    assert.equal(409, err.status)
  end)

  it("keeps every secret out of an error that echoes them", function()
    local echo = '{"error":"bad password share-this-separately for https://example.com/private"}'
    local lockpub = clients.lockpub { { status = 400, body = echo } }
    local _, err = lockpub.links:create(fields())
    assert.equal("bad password [redacted] for [redacted]", err.message)
  end)

  it("calls an answer that is no object bad_response, of unknown outcome", function()
    for _, body in ipairs { '"ok"', "<html>welcome</html>", "", "{\"id\":", "null" } do
      local lockpub = clients.lockpub { { status = 200, body = body } }
      local link, err = lockpub.links:create(fields())
      assert.is_nil(link)
      assert.equal("bad_response", err.kind)
      assert.equal("unknown", err.outcome)
    end
  end)
end)

describe("exactly-once links", function()
  local LOST = { kind = "network", sent = true, message = "connection reset" }
  local TAKEN = { status = 409, body = '{"error":"slug already in use"}' }

  it("never repeats a create without a slug whose answer was lost", function()
    local lockpub, requests = clients.lockpub { LOST, clients.CREATED }
    local link, err = lockpub.links:create(fields())
    assert.is_nil(link)
    assert.equal(1, #requests)
    assert.equal("network", err.kind)
    assert.equal("unknown", err.outcome)
    assert.truthy(tostring(err):find "may have been carried out")
  end)

  it("repeats one with a slug under the same slug", function()
    local lockpub, requests = clients.lockpub { LOST, clients.CREATED }
    local link, response = lockpub.links:create(fields { custom_slug = "mine" })
    assert.equal("k3x9", link.slug)
    assert.equal(2, #requests)
    assert.equal(requests[1].body, requests[2].body)
    assert.is_false(response.recovered)
    assert.equal("network", response.attempts[1].kind)
  end)

  it("takes a duplicate answer for the success of a slug that the caller vouches for, lost attempt or none", function()
    for _, script in ipairs { { LOST, TAKEN }, { TAKEN }, { { kind = "connect", sent = false }, TAKEN } } do
      local lockpub, requests = clients.lockpub(script)
      local link, response = lockpub.links:create(fields { custom_slug = "mine" }, { idempotent = true })
      assert.equal("mine", link.slug)
      assert.is_true(response.recovered)
      assert.equal(#script, #requests)
    end
  end)

  it("never passes off as its own what a slug that nobody vouches for may have been taken by", function()
    for _, taken in ipairs { TAKEN, { status = 400, body = '{"message":"Slug already exists"}' } } do
      local lockpub, requests = clients.lockpub { LOST, taken }
      local link, err = lockpub.links:create(fields { custom_slug = "mine" })
      assert.is_nil(link)
      assert.same({ "conflict", "unknown", "mine", 2 }, { err.kind, err.outcome, err.slug, #requests })
      assert.truthy(err.message:find "this call's own attempt")
      assert.truthy(err.message:find "somebody else")
      assert.truthy(tostring(err):find "may have been carried out")
    end
  end)

  it("gives every error of a create with a slug that slug, and no other error one", function()
    local failures = { LOST, { kind = "connect", sent = false }, { status = 401, body = "{}" }, { status = 403 },
      { status = 200, body = "<html>" }, { status = 200, body = "[]x" }, { status = 201, body = '"ok"' },
      { status = 429, headers = { ["retry-after"] = "600" } }, { status = 500 }, { status = 302 }, { status = 409 } }
    for _, failure in ipairs(failures) do
      for _, own in ipairs { "mine", false } do
        local lockpub, requests = clients.lockpub { failure }
        local _, err = lockpub.links:create(fields { custom_slug = own }, { idempotent = not own })
        assert.equal(body_of(requests[1]).customSlug, err.slug)
        assert.is_nil(select(2, clients.lockpub { failure }.links:create(fields())).slug)
      end
    end
  end)

  it("gives it where nothing was sent, too, once the slug is known", function()
    local lockpub, requests = clients.lockpub({ clients.CREATED }, { rate = { { 1, 60 } } })
    assert(lockpub.links:create(fields()))
    for _, opts in ipairs { { pacing = "fail" }, { timeout = 0 }, { attempt_timeout = 0 } } do
      opts.idempotent = true
      assert.truthy(select(2, lockpub.links:create(fields(), opts)).slug)
      opts.idempotent = nil
      assert.equal("mine", select(2, lockpub.links:create(fields { custom_slug = "mine" }, opts)).slug)
    end
    lockpub:close()
    assert.equal("mine", select(2, lockpub.links:create(fields { custom_slug = "mine" })).slug)
    assert.equal(1, #requests)
  end)

  it("hands the slug to on_event with the error", function()
    local seen
    local lockpub = clients.lockpub({ LOST }, { on_event = function(event)
      if event.type == "error" then seen = event.error.slug end
    end })
    local _, err = lockpub.links:create(fields(), { idempotent = true })
    assert.equal(err.slug, seen)
  end)

  it("finds what a create of unknown outcome made when it is repeated with its slug", function()
    local lockpub = clients.lockpub { LOST, LOST, LOST, TAKEN }
    local _, err = lockpub.links:create(fields(), { idempotent = true })
    assert.equal("unknown", err.outcome)
    local link, response = lockpub.links:create(fields { custom_slug = err.slug }, { idempotent = true })
    assert.equal(err.slug, link.slug)
    assert.is_true(response.recovered)
  end)

  it("tells what else it knows of a link that it found again", function()
    local lockpub, _ = clients.lockpub { LOST, TAKEN }
    local link, response = lockpub.links:create(fields { custom_slug = "mine", redirect_limit = 2 },
      { idempotent = true })
    assert.is_true(response.recovered)
    assert.equal("mine", link.slug)
    assert.equal("https://example.com/private", link.target_url)
    assert.equal(2, link.redirect_limit)
    assert.is_nil(link.password)
  end)

  it("leaves a duplicate on the first attempt to whoever has it", function()
    local lockpub, requests = clients.lockpub { TAKEN }
    local _, err = lockpub.links:create(fields { custom_slug = "mine" })
    assert.same({ "conflict", "rejected", "mine" }, { err.kind, err.outcome, err.slug })
    assert.equal("slug already in use", err.message)
    assert.equal(1, #requests)
  end)

  for _, refusal in ipairs {
    { "was rate-limited", { status = 429, headers = { ["retry-after"] = "1" } } },
    { "met a 503 with Retry-After", { status = 503, headers = { ["retry-after"] = "1" } } },
    { "never connected", { kind = "connect", sent = false } },
    { "failed its handshake", { kind = "tls", sent = false } },
  } do
    it("leaves it there after an attempt that " .. refusal[1], function()
      local lockpub, requests = clients.lockpub { refusal[2], TAKEN }
      local _, err = lockpub.links:create(fields { custom_slug = "mine" })
      assert.equal("conflict", err.kind)
      assert.equal("rejected", err.outcome)
      assert.equal(2, #requests)
    end)
  end

  it("generates an unguessable slug within the rules for idempotent = true", function()
    local lockpub, requests = clients.lockpub { LOST, TAKEN }
    local link, response = lockpub.links:create(fields(), { idempotent = true })
    local slug = body_of(requests[1]).customSlug
    assert.truthy(slug:find "^[a-z][a-z0-9]+$")
    assert.is_true(#slug >= 20 and #slug <= 30)
    assert.equal(slug, body_of(requests[2]).customSlug)
    assert.equal(slug, link.slug)
    assert.is_true(response.recovered)
    assert.not_equal(core.slug(), core.slug())
  end)

  it("takes no gateway's page for the word of the service", function()
    local lockpub = clients.lockpub { LOST, { status = 409, body = "<html><title>Conflict</title></html>" } }
    local link, err = lockpub.links:create(fields(), { idempotent = true })
    assert.is_nil(link)
    assert.same({ "conflict", "unknown" }, { err.kind, err.outcome })
  end)

  it("keeps the caller's slug under idempotent = true", function()
    local lockpub, requests = clients.lockpub { clients.CREATED }
    assert(lockpub.links:create(fields { custom_slug = "mine" }, { idempotent = true }))
    assert.equal("mine", body_of(requests[1]).customSlug)
  end)
end)
