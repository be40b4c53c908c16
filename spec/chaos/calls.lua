--- The calls of a chaos run. Each says what it may come to:
---   name, account (nil: LOCK.PUB), timeout (seconds)
---   writes = it changes something; single = it is one request at a time, so that attempts and requests can be compared
---   expect = kind of the refusal the service must give; effect(value) = brings the model to the state after a success
---   scope = what of the account a failure may have touched; creates = alias | link | keyed; retries = max_retries
---   drops = the service may accept a write and ignore it; may_recover = a lost refusal may pass for a success
---   slug = of the link, when it was chosen; may_conflict = nobody vouches for it
---   tally = { least, most } links of all calls under one name

local calls = {}

local LARGEST, SMALLEST = 60, 12

local function any_account(run)
  return run.accounts[run.random:chance(0.7) and 1 or 2]
end

-- An account with an alias, and that alias.
local function any_alias(run)
  local account = any_account(run)
  local id = run.random:key(account.aliases)
  if id == nil then
    account = run.accounts[2] -- which never runs out of them
    id = run.random:key(account.aliases)
  end
  return account, id, account.aliases[id]
end

local function words(run)
  return ("words %d"):format(run.random:int(1000))
end

local function link_fields(run, tag)
  local fields = { type = "url", password = "not-in-the-memo", memo = tag }
  if run.random:chance(0.5) then
    fields.target_url = "https://example.com/" .. tag
  else
    fields.type, fields.secret_memo = "memo", "nobody must read this"
  end
  if run.random:chance(0.2) then fields.redirect_limit = run.random:int(9) end
  return fields
end

local function create_link(run)
  local tag = ("c%d-%d"):format(run.seed, run.number)
  local fields = link_fields(run, tag)
  local point, idempotent, slug, taken = run.random:unit(), nil, nil, nil
  if point < 0.3 then
    slug = ("s%d-%d"):format(run.seed, run.number)
    idempotent = run.random:chance(0.5)
  elseif point < 0.5 then
    idempotent = true
  elseif point < 0.55 and run.last_slug then
    slug, taken = run.last_slug, true
  end
  fields.custom_slug = slug
  run:make({
    name = "lockpub.links.create", writes = true, single = true, creates = (slug or idempotent) and "keyed" or "link",
    tag = tag, expect = taken and "conflict" or nil, slug = slug,
    may_conflict = slug ~= nil and not idempotent, -- with the trace of its own lost attempt
    effect = function(link)
      if (slug and link.slug ~= slug) or not link.slug then run:fail "the link has not the slug it was given" end
      run.last_slug = link.slug
    end,
  }, function(opts)
    opts.idempotent = idempotent
    return run.world.lockpub.links:create(fields, opts)
  end)
end

-- A name is used again and again, as by a program that is started anew: there is one link in the end.
local function create_named_link(run)
  local tag = ("n%d-%d"):format(run.seed, run.number)
  local fields, tally, slug = link_fields(run, tag), { least = 0, most = 0 }, nil
  local function check(found)
    slug = slug or found
    if not found or found ~= slug then run:fail "the same name has another slug" end
  end
  for _ = 1, run.random:int(3) do
    local _, result = run:make({
      name = "lockpub.links.create", writes = true, single = true, creates = "keyed", tag = tag, tally = tally,
      effect = function(link) check(link.slug) end,
    }, function(opts)
      opts.idempotent = tag
      return run.world.lockpub.links:create(fields, opts)
    end)
    if result.kind then check(result.slug) end
  end
  run:expect_link(tag, tally.least, tally.most)
end

local function delete_alias(run, account, id)
  local exists = account.aliases[id] ~= nil
  return run:make({
    name = "locker.addresses.delete", account = account, writes = true, single = true, scope = "addresses",
    expect = not exists and "not_found" or nil, may_recover = not exists,
    effect = function() account:remove(id) end,
  }, function(opts) return account.client.addresses:delete(id, opts) end)
end

calls.delete_alias = delete_alias

local function create_alias(run)
  local account = any_account(run)
  if account:paid() and account.count >= LARGEST then
    return delete_alias(run, account, run.random:key(account.aliases))
  end
  local description = run.random:chance(0.5) and words(run) or nil
  run:make({
    name = "locker.addresses.create", account = account, writes = true, single = not description, creates = "alias",
    scope = "addresses", description = description,
    expect = not account:paid() and account.count > 0 and "limit_reached" or nil,
    effect = function(address)
      if account.aliases[address.id] then run:fail "a new alias has the id of another" end
      account:add(address)
      local inside = account:paid() and account.in_use and account.subdomain and account.subdomain.subdomain or nil
      if address.subdomain ~= inside or address.description ~= (description or "") then
        run:fail "the new alias is not what was asked for"
      end
    end,
  }, function(opts) return account.client.addresses:create(description and { description = description }, opts) end)
end

calls.create_alias = create_alias

local function delete_some_alias(run)
  local account = any_account(run)
  if account.dead and run.random:chance(0.15) then return delete_alias(run, account, account.dead) end
  if account.count < SMALLEST then
    if account:paid() then return create_alias(run) end
    return account:add(run.world.add_address(account.name))
  end
  delete_alias(run, account, run.random:key(account.aliases))
end

local function get_alias(run)
  local account, id, alias = any_alias(run)
  if account.dead and run.random:chance(0.1) then id, alias = account.dead, nil end
  run:make({
    name = "locker.addresses.get", account = account, single = true, expect = not alias and "not_found" or nil,
    effect = function(address)
      local problem = account:mismatch(address)
      if problem then run:fail(problem) end
    end,
  }, function(opts) return account.client.addresses:get(id, opts) end)
end

local function update_alias(run)
  local account, id, alias = any_alias(run)
  local fields, refused = { description = words(run) }, false
  for _, flag in ipairs { "enabled", "block_spam" } do
    if run.random:chance(0.25) then
      fields[flag] = run.random:chance(0.5)
      refused = refused or (not account:paid() and fields[flag] ~= alias[flag])
    end
  end
  if run.random:chance(0.3) then fields.address = alias.address end
  run:make({
    name = "locker.addresses.update", account = account, writes = true, scope = "addresses",
    expect = refused and "not_applied" or nil,
    effect = function(address)
      for field, value in pairs(fields) do
        if field == "description" or account:paid() then alias[field] = value end
      end
      local problem = address and account:mismatch(address)
      if problem then run:fail(problem) end
    end,
  }, function(opts) return account.client.addresses:update(id, fields, opts) end)
end

local function rename_alias(run)
  local account, id = any_alias(run)
  if run.random:chance(0.5) then id = account:oldest() end
  local name = ("zq%dx%04d"):format(run.seed % 1000, run.number)
  run:make({
    name = "locker.addresses.update", account = account, writes = true, scope = "addresses",
    expect = id ~= account:oldest() and "forbidden" or nil,
    effect = function() account.aliases[id].address = name end,
  }, function(opts) return account.client.addresses:update(id, { address = name }, opts) end)
end

local function set_flag(flag, method)
  return function(run)
    local account, id, alias = any_alias(run)
    local want = run.random:chance(0.5)
    run:make({
      name = "locker.addresses." .. method, account = account, writes = true, scope = "addresses", drops = true,
      expect = flag == "block_spam" and not account:paid() and want ~= alias[flag] and "plan_required" or nil,
      effect = function(address)
        alias[flag] = want
        local problem = address and account:mismatch(address)
        if problem then run:fail(problem) end
      end,
    }, function(opts) return account.client.addresses[method](account.client.addresses, id, want, opts) end)
  end
end

local function create_subdomain(run)
  local account = any_account(run)
  local name = ("sub%dx%d"):format(run.seed % 1000, run.number)
  local expect = not account:paid() and "plan_required" or account.subdomain and "limit_reached" or nil
  run:make({
    name = "locker.subdomains.create", account = account, writes = true, scope = "subdomain", expect = expect,
    creates = "subdomain",
    effect = function(made) account.subdomain = { subdomain = name, id = made and made.id } end,
  }, function(opts) return account.client.subdomains:create(name, opts) end)
end

-- Its id is not known when the answer to its creation was lost.
local function with_subdomain(change)
  return function(run)
    local account = run.accounts[1]
    local subdomain = account.subdomain
    if not subdomain then return create_subdomain(run) end
    if not subdomain.id then
      local _, page = run:make({ name = "locker.subdomains.list", account = account, single = true,
        effect = function(page)
          if #page == 1 and page[1].subdomain == subdomain.subdomain then subdomain.id = page[1].id return end
          run:fail "the list does not show the subdomain"
        end,
      }, function(opts) return account.client.subdomains:list(nil, opts) end)
      return page
    end
    return change(run, account, subdomain)
  end
end

local function get_subdomain(run, account, subdomain)
  run:make({ name = "locker.subdomains.get", account = account, single = true, effect = function(found)
    if found.subdomain ~= subdomain.subdomain then run:fail "the subdomain has another name" end
  end }, function(opts) return account.client.subdomains:get(subdomain.id, opts) end)
end

local function rename_subdomain(run, account, subdomain)
  local name, confirmed = ("ren%dx%d"):format(run.seed % 1000, run.number), run.random:chance(0.8)
  run:make({ name = "locker.subdomains.update", account = account, writes = true, scope = "both",
    expect = not confirmed and "invalid_request" or nil,
    effect = function()
      subdomain.subdomain = name
      account:empty_subdomain()
    end,
  }, function(opts)
    opts.confirm = confirmed and subdomain.subdomain or "something else"
    return account.client.subdomains:update(subdomain.id, name, opts)
  end)
end

local function delete_subdomain(run, account, subdomain)
  run:make({ name = "locker.subdomains.delete", account = account, writes = true, scope = "both",
    effect = function()
      account.subdomain = nil
      account:empty_subdomain()
    end,
  }, function(opts)
    opts.confirm = subdomain.subdomain
    return account.client.subdomains:delete(subdomain.id, opts)
  end)
end

local function set_in_use(run)
  local account, want = any_account(run), run.random:chance(0.5)
  run:make({ name = "locker.subdomains.set_in_use", account = account, writes = true, single = true, scope = "in_use",
    expect = not account:paid() and "plan_required" or nil,
    effect = function() account.in_use = want end,
  }, function(opts) return account.client.subdomains:set_in_use(want, opts) end)
end

local function in_use(run)
  local account = any_account(run)
  run:make({ name = "locker.subdomains.in_use", account = account, single = true, flag = true, effect = function(flag)
    if flag ~= account.in_use then run:fail "in_use is not what was set" end
  end }, function(opts) return account.client.subdomains:in_use(opts) end)
end

local function list_aliases(run)
  local account, size = any_account(run), run.random:pick { 5, 20, 100 }
  run:make({ name = "locker.addresses.list", account = account, single = true, effect = function(page)
    if page.count ~= account.count then run:fail "the page counts other aliases than there are" end
    for _, address in ipairs(page) do
      local problem = account:mismatch(address)
      if problem then run:fail(problem) end
    end
  end }, function(opts) return account.client.addresses:list({ size = size }, opts) end)
end

local function all_aliases(run)
  local account, q = any_account(run), run.random:pick { {}, { size = 25 } }
  run:make({ name = "locker.addresses.list", account = account, effect = function(items)
    local problem = account:difference { addresses = items }
    if problem then run:fail("all(): " .. problem) end
  end }, function(opts) return account.client.addresses:all(q, opts) end)
end

local function raw_read(run)
  local account = any_account(run)
  run:make({ name = "locker.request", account = account, single = true, effect = function(value)
    if #value ~= account.count then run:fail "the bare list has another length" end
  end }, function(opts)
    return account.client:request({ method = "GET", path = "addresses", query = { paging = 0 } }, opts)
  end)
end

local function rotate_key(run)
  run.world.rotate()
end

calls.LIST = {
  { weight = 24, run = create_link },
  { weight = 4, run = create_named_link },
  { weight = 13, run = create_alias },
  { weight = 10, run = delete_some_alias },
  { weight = 9, run = get_alias },
  { weight = 8, run = update_alias },
  { weight = 1.5, run = rename_alias },
  { weight = 9, run = set_flag("enabled", "set_enabled") },
  { weight = 5, run = set_flag("block_spam", "set_block_spam") },
  { weight = 4, run = list_aliases },
  { weight = 3, run = all_aliases },
  { weight = 4, run = function(run) require("spec.chaos.walk").run(run, any_account(run)) end },
  { weight = 1, run = create_subdomain },
  { weight = 1, run = with_subdomain(get_subdomain) },
  { weight = 0.7, run = with_subdomain(rename_subdomain) },
  { weight = 0.7, run = with_subdomain(delete_subdomain) },
  { weight = 2, run = set_in_use },
  { weight = 2, run = in_use },
  { weight = 1, run = raw_read },
  { weight = 0.3, run = rotate_key },
}

return calls
