---@meta _
--- For editors: the functions and methods that callers use. Nothing loads this file; spec/types_spec.lua holds it to
--- the code and the README. The last result of a failed call is a locksmith.Error, of another one a locksmith.Response.

---@class locksmith
---@field _VERSION string
---@field store locksmith.Stores
local locksmith = {}

---@class locksmith.Stores
---@field memory fun(): locksmith.Store
---@field shdict fun(name: string): locksmith.Store
---@field redis fun(options?: locksmith.RedisOptions): locksmith.Store
---@field file fun(options: locksmith.FileOptions): locksmith.Store

--- Makes a client of LOCK.PUB. Does no I/O.
---@param options? locksmith.ClientOptions
---@return locksmith.Lockpub? client
---@return locksmith.Error? err unauthenticated (no key, or a malformed one), invalid_request (base_url)
function locksmith.lockpub(options) end

--- Makes a client of Locker Private Email. Does no I/O.
---@param options? locksmith.ClientOptions
---@return locksmith.Locker? client
---@return locksmith.Error? err unauthenticated (no key, or a malformed one), invalid_request (base_url)
function locksmith.locker(options) end

--- A store in this process, for the clients that are given it.
---@return locksmith.Store
function locksmith.memory() end

--- A store in a `lua_shared_dict` of nginx, for all its workers.
---@param name string
---@return locksmith.Store
function locksmith.shdict(name) end

--- A store in Redis, for machines. Opens no connection yet.
---@param options? locksmith.RedisOptions
---@return locksmith.Store
function locksmith.redis(options) end

--- A store in a file, for the processes of one machine.
---@param options locksmith.FileOptions
---@return locksmith.Store
function locksmith.file(options) end

--- Iterates over items and what a function made of them, several at a time.
---@generic I, V
---@param items I[]|fun(): I? an array, or an iterator that is asked when a place is free
---@param work fun(item: I): V, any? runs in a coroutine of its own and may make any calls
---@param options? locksmith.ParallelOptions
---@return fun(): I, V, any next item, value, err: what `work` returned; where it raised, nil and what it raised
function locksmith.parallel(items, work, options) end

--- Makes the clients of this Lua state wait in an event loop, in coroutines of it.
---@param which "cqueues"|"luv"|"copas"|locksmith.LoopFunctions|nil nil: none, as at first
function locksmith.loop(which) end

--- The fields that a caller may set, for those who read them from files or forms.
---@param resource "link"|"address"|"subdomain"
---@return locksmith.FieldInfo[]
function locksmith.fields(resource) end

--- As assert(), for calls of this library: an error ends the program with the caller's line and the error in words.
---@generic T
---@param value? T
---@param err? any
---@return T value
---@return any response
function locksmith.assert(value, err) end

--- Whether a value is an error object of this library.
---@param value any
---@return boolean
function locksmith.is_error(value) end

--- What both clients can do.
---@class locksmith.Client
local Client = {}

--- Calls an endpoint that the library does not know. It passes the same key, pacing, deadline and error policy.
---@param request locksmith.RequestFields
---@param opts? locksmith.CallOptions
---@return any value the decoded body; true when it is empty
---@return locksmith.Response|locksmith.Error
function Client:request(request, opts) end

--- Closes the connections and forgets the key. Later calls fail with kind closed, and so do those that are under way.
--- May be repeated.
function Client:close() end

---@class locksmith.Lockpub: locksmith.Client
---@field links locksmith.Links
local Lockpub = {}

--- The monthly quota as last told by the service, to any client that shares the store; nil before the first answer.
---@return locksmith.Quota?
---@return locksmith.Error? err store, closed or, of a key function, unauthenticated
function Lockpub:quota() end

--- What a run of n creations would take.
---@param n integer
---@return locksmith.Forecast?
---@return locksmith.Error?
function Lockpub:plan(n) end

---@class locksmith.Links
local Links = {}

--- Makes a link. Errors: invalid_request (fields; nothing sent), conflict (slug taken), quota_exceeded, would_wait,
--- rate_limited, unauthenticated, and those of any request; `slug` where the link had one.
---@param fields locksmith.LinkFields
---@param opts? locksmith.CreateOptions
---@return locksmith.Link? link
---@return locksmith.Response|locksmith.Error result
function Links:create(fields, opts) end

--- Checks fields as create would, and sends nothing.
---@param fields locksmith.LinkFields
---@param opts? locksmith.CreateOptions
---@return true?
---@return locksmith.Error?
function Links:check(fields, opts) end

--- Makes a link for each row, several at a time, and exactly one however often the run is repeated. Results come as
--- they are there. Raises an error object: for a journal that cannot be used (invalid_request) at once; for what every
--- further row would meet (unauthenticated, forbidden, plan_required, quota_exceeded, closed, config, store) when what
--- was under way has been handed out.
---@generic R: locksmith.LinkFields
---@param rows R[]|fun(): R? an array, or an iterator that is asked when a place is free
---@param opts? locksmith.CreateEachOptions
---@return fun(): R, locksmith.Link?, locksmith.Error?, locksmith.Response? next row, link, err, response
function Links:create_each(rows, opts) end

---@class locksmith.Locker: locksmith.Client
---@field addresses locksmith.Addresses
---@field subdomains locksmith.Subdomains
local Locker = {}

--- The claims of the key. Does no I/O, but asks a key function that was not asked yet.
---@return locksmith.KeyInfo?
---@return locksmith.Error?
function Locker:key_info() end

---@class locksmith.Addresses
local Addresses = {}

--- One page. not_found past the last one.
---@param q? locksmith.ListQuery
---@param opts? locksmith.CallOptions
---@return locksmith.AddressPage?
---@return locksmith.Response|locksmith.Error
function Addresses:list(q, opts) end

--- Iterates over pages; none is empty. Raises the error object when a page cannot be had; its `resume` goes on.
---@param q? locksmith.WalkQuery
---@param opts? locksmith.CallOptions
---@return fun(): locksmith.AddressPage
function Addresses:pages(q, opts) end

--- Iterates over aliases, from one consistent answer with everything unless `page` or `size` is given. Neither skips
--- nor repeats one that exists throughout. Raises the error object; pass its `resume` to each() to go on.
---@param q? locksmith.WalkQuery
---@param opts? locksmith.CallOptions
---@return fun(): locksmith.Address
function Addresses:each(q, opts) end

--- Everything, as a plain array. The timeout covers all requests together.
---@param q? locksmith.WalkQuery
---@param opts? locksmith.CallOptions
---@return locksmith.Address[]?
---@return locksmith.Response|locksmith.Error
function Addresses:all(q, opts) end

--- Makes an alias. With a description it takes three requests, because the service ignores it on creation. Errors:
--- outcome "applied" with the alias in `value` when only the description could not be set; limit_reached on a full free
--- plan.
---@param fields? locksmith.NewAddress
---@param opts? locksmith.CallOptions
---@return locksmith.Address? address
---@return locksmith.Response|locksmith.Error result
function Addresses:create(fields, opts) end

--- Checks fields as create would, and sends nothing.
---@param fields? locksmith.NewAddress
---@param opts? locksmith.CallOptions
---@return true?
---@return locksmith.Error?
function Addresses:check(fields, opts) end

---@param id locksmith.Id|locksmith.Address
---@param opts? locksmith.CallOptions
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error
function Addresses:get(id, opts) end

--- Changes an alias and reads it back. The service demands the present local part; it is looked up when left out, and
--- once more when someone else renames the alias in between. (Where the old name is still to be had, in a subdomain or
--- on an older server, the alias is renamed back instead: no answer tells.) Errors: not_applied where the service said
--- yes and dropped a flag (free plan); forbidden: only the oldest alias can change its local part.
---@param id locksmith.Id|locksmith.Address
---@param fields locksmith.AddressChange
---@param opts? locksmith.CallOptions
---@return locksmith.Address? address as the service now has it
---@return locksmith.Response|locksmith.Error result
function Addresses:update(id, fields, opts) end

--- Deletes an alias for good: its local part can never be used again.
---@param id locksmith.Id|locksmith.Address
---@param opts? locksmith.CallOptions
---@return true?
---@return locksmith.Response|locksmith.Error
function Addresses:delete(id, opts) end

--- Switches forwarding on or off, on every plan, and verifies it. No write where it is so already. The state of an
--- address that is given in place of its id is trusted: no request where it is so already, otherwise one look fewer.
--- Errors: of outcome unknown where a change was not answered and does not show, but may yet take effect, so that it
--- was not repeated; not_applied when someone else keeps flipping it.
---@param id locksmith.Id|locksmith.Address
---@param enabled boolean
---@param opts? locksmith.CallOptions
---@return locksmith.Address? address
---@return locksmith.Response|locksmith.Error result
function Addresses:set_enabled(id, enabled, opts) end

--- Switches spam blocking on or off (paid plans) and verifies it, as set_enabled does.
---@param id locksmith.Id|locksmith.Address
---@param block boolean
---@param opts? locksmith.CallOptions
---@return locksmith.Address? address
---@return locksmith.Response|locksmith.Error result as of set_enabled; plan_required on free plans
function Addresses:set_block_spam(id, block, opts) end

--- Finds the alias with a description, of several the oldest, and makes it where there is none. Two calls at the same
--- time may both find none. response.made tells whether it was made now. Errors: those of create and set_enabled,
--- `value` being the alias where there is one; invalid_request: the journal is in use.
---@param wanted string|locksmith.WantedAddress
---@param opts? locksmith.EnsureOptions
---@return locksmith.Address? address
---@return locksmith.Response|locksmith.Error result
function Addresses:ensure(wanted, opts) end

--- Decides what is to become of each alias. Nothing is written: that is up to apply.
---@param decide fun(address: locksmith.Address): locksmith.Decision|"delete"|false|nil nil leaves it
---@param opts? locksmith.CallOptions
---@return locksmith.Plan? plan
---@return locksmith.Response|locksmith.Error result invalid_request: a field cannot be so
function Addresses:plan(decide, opts) end

--- What differs from what was decided; printed, it shows that.
---@class locksmith.Plan
---@field [integer] locksmith.PlannedChange
---@field changes integer without the deletions
---@field deletions integer
---@field unchanged integer
local Plan = {}

--- Carries the plan out: one write for each change, deletions last; then one list to see what it came to, and more
--- where something did not take. An alias that is found changed since the plan is skipped. What is so already is not
--- written.
---@param opts? locksmith.ApplyOptions timeouts, retries and pacing are those of each request
---@return locksmith.Report? report
---@return locksmith.Error? err where nothing was written: deletions were not confirmed, or the list failed
function Plan:apply(opts) end

---@class locksmith.Subdomains
local Subdomains = {}

--- One page. not_found past the last one.
---@param q? locksmith.ListQuery
---@param opts? locksmith.CallOptions
---@return locksmith.SubdomainPage?
---@return locksmith.Response|locksmith.Error
function Subdomains:list(q, opts) end

--- Iterates over pages; none is empty. Raises the error object when a page cannot be had; its `resume` goes on.
---@param q? locksmith.WalkQuery
---@param opts? locksmith.CallOptions
---@return fun(): locksmith.SubdomainPage
function Subdomains:pages(q, opts) end

--- Iterates over subdomains, as over aliases. Raises the error object; pass its `resume` to each() to go on.
---@param q? locksmith.WalkQuery
---@param opts? locksmith.CallOptions
---@return fun(): locksmith.Subdomain
function Subdomains:each(q, opts) end

--- Everything, as a plain array. The timeout covers all requests together.
---@param q? locksmith.WalkQuery
---@param opts? locksmith.CallOptions
---@return locksmith.Subdomain[]?
---@return locksmith.Response|locksmith.Error
function Subdomains:all(q, opts) end

---@param name string
---@param opts? locksmith.CallOptions
---@return locksmith.Subdomain? subdomain
---@return locksmith.Response|locksmith.Error result plan_required, limit_reached, invalid_request (taken or not valid)
function Subdomains:create(name, opts) end

---@param id locksmith.Id|locksmith.Subdomain
---@param opts? locksmith.CallOptions
---@return locksmith.Subdomain?
---@return locksmith.Response|locksmith.Error
function Subdomains:get(id, opts) end

--- Renames a subdomain, which destroys every alias inside it.
---@param id locksmith.Id|locksmith.Subdomain
---@param name string
---@param opts locksmith.ConfirmOptions
---@return locksmith.Subdomain? subdomain
---@return locksmith.Response|locksmith.Error result invalid_request without the right `confirm`; only a read was sent
function Subdomains:update(id, name, opts) end

--- Deletes a subdomain with every alias inside it.
---@param id locksmith.Id|locksmith.Subdomain
---@param opts locksmith.ConfirmOptions
---@return true? done
---@return locksmith.Response|locksmith.Error result invalid_request without the right `confirm`; only a read was sent
function Subdomains:delete(id, opts) end

--- Whether new aliases are made inside the subdomain.
---@param opts? locksmith.CallOptions
---@return boolean?
---@return locksmith.Response|locksmith.Error
function Subdomains:in_use(opts) end

---@param in_use boolean
---@param opts? locksmith.CallOptions
---@return true? done
---@return locksmith.Response|locksmith.Error result not_applied when the service says yes and keeps the other state
function Subdomains:set_in_use(in_use, opts) end
