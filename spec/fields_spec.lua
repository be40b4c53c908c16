--- What a caller may set, as a list.

local locksmith = require "locksmith"

describe("fields", function()
  it("lists names and types of what may be set", function()
    local types = {}
    for _, field in ipairs(locksmith.fields "link") do types[field.name] = field.type end
    assert.same({ type = "text", target_url = "text", link = "text", secret_memo = "text", password = "text",
      memo = "text", custom_slug = "text", redirect_limit = "count", start_time = "time", expire_time = "time" }, types)
    assert.same({ { name = "subdomain", type = "text" } }, locksmith.fields "subdomain")
    local second = locksmith.fields("address")[3]
    assert.same({ name = "enabled", type = "boolean" }, second)
  end)

  it("gives a list of the caller's own", function()
    locksmith.fields("subdomain")[1].name = "changed"
    assert.equal("subdomain", locksmith.fields("subdomain")[1].name)
  end)

  it("knows the provider's names", function()
    for _, field in ipairs(locksmith.fields "link") do
      if field.name == "target_url" then assert.equal("targetUrl", field.alias) end
    end
  end)

  it("takes no other resource", function()
    local ok, message = pcall(function() locksmith.fields "links" end)
    assert.is_false(ok)
    assert.truthy(message:find "^spec/fields_spec.lua:%d+: fields: argument 'resource' must be")
    assert.is_false(pcall(locksmith.fields))
  end)
end)
