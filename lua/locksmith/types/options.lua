---@meta _
--- For editors: what callers write. Nothing loads this file; spec/types_spec.lua holds it to the code and the README.

---@alias locksmith.Pacing "wait"|"fail"|"off"

--- A number, or the digits of one that is too large for a number of this Lua.
---@alias locksmith.Id integer|string

--- Unix seconds, or an ISO 8601 text with a zone.
---@alias locksmith.Time number|string

---@alias locksmith.SecretSource fun(): string?, string?

--- What a client is made with, all of it optional. Durations are seconds, sizes bytes.
---@class locksmith.ClientOptions
--- Default LOCKPUB_API_KEY or LOCKER_API_KEY of the environment. A function returns it, or nil and the reason.
---@field api_key? string|locksmith.SecretSource
---@field slug_secret? string|locksmith.SecretSource what slugs of named links are derived from; default the key
---@field base_url? string https; plain http to a loopback host only
---@field path_prefix? string
---@field timeout? number deadline of a whole call, waits included; 90, under nginx 30
---@field attempt_timeout? number of one attempt; 10
---@field connect_timeout? number of one connection attempt; 5
---@field max_retries? integer further attempts where a repeat is legal; 2
---@field pacing? locksmith.Pacing wait for a free slot, fail with would_wait, or neither; default "wait"
---@field rate? locksmith.Window[]|false windows that must all hold; LOCK.PUB 20 in 10 s and 60 in 60 s
---@field pacing_margin? number added to every window against network jitter; 0.05
---@field store? locksmith.Store where pacing and quota state lives
---@field on_store_error? "local"|"fail" go on with a limiter of this process, or fail with kind store; "local"
---@field transport? "curl"|"resty"|"capture"|locksmith.Transport
---@field clock? locksmith.Clock
---@field ca_file? string
---@field proxy? string the proxy to every host; "": none
---@field user_agent? string appended to the library's own
---@field max_response_bytes? integer 8 MiB
---@field on_event? fun(event: locksmith.Event)
---@field random? fun(): number a number in [0, 1), for jitter

--- So many requests in so many seconds.
---@class locksmith.Window
---@field [1] integer requests
---@field [2] number seconds

--- What the last argument of every method may override.
---@class locksmith.CallOptions
---@field timeout? number seconds, for the whole call with all its steps
---@field attempt_timeout? number seconds
---@field max_retries? integer
---@field pacing? locksmith.Pacing

---@class locksmith.CreateOptions: locksmith.CallOptions
--- true: a slug is generated, or the custom_slug vouched for. A text of 1 to 512 bytes: the caller's own name for the
--- link, of which there is never a second.
---@field idempotent? boolean|string
---@field allow_in_memo? boolean the password may stand in the public memo

---@class locksmith.CreateEachOptions: locksmith.CallOptions
---@field concurrency? integer rows at once; 4
---@field journal? string path of a file by which a run that is repeated asks for nothing that is done
---@field name? fun(row: locksmith.LinkFields): string|number the caller's own name for the row's link
---@field on_progress? fun(progress: locksmith.Progress) before each result
---@field ordered? boolean results in the order of the rows
---@field total? integer how many rows an iterator has
---@field allow_in_memo? boolean

---@class locksmith.EnsureOptions: locksmith.CallOptions
---@field journal? string path of a file by which a run that was killed goes on with its half-made alias

---@class locksmith.ApplyOptions: locksmith.CallOptions
---@field concurrency? integer writes at once; 8
---@field confirm_deletions? integer how many aliases the plan deletes
---@field on_progress? fun(progress: locksmith.Progress) after each write

---@class locksmith.ConfirmOptions: locksmith.CallOptions
---@field confirm? string the present name of the subdomain, all of whose aliases die

---@class locksmith.ParallelOptions
---@field concurrency? integer items at once; 8
---@field ordered? boolean results in the order of the items

---@class locksmith.ListQuery
---@field page? integer|"last" 1
---@field size? integer items a page; 100
---@field paging? boolean|0|1 false: everything at once

--- Of pages, each and all; the `resume` of an error fits, too.
---@class locksmith.WalkQuery
---@field page? integer the first page
---@field size? integer items asked for at once; 100
---@field paging? boolean|0|1 false: everything at once
---@field seen? table<string, boolean> of a resume: what was handed out
---@field from? integer of a resume: the first page that was wanted

--- What a link is made of. The camelCase names are the provider's own; one of two names of a field may be given.
---@class locksmith.LinkFields
---@field type "url"|"memo"
---@field password string what recipients enter; share it separately
---@field memo string public: a label and a hint
---@field target_url? string of a url
---@field targetUrl? string
---@field link? string the same
---@field secret_memo? string of a memo
---@field secretMemo? string
---@field custom_slug? string 3 to 30 of a-z 0-9 - _
---@field customSlug? string
---@field redirect_limit? integer how often it opens
---@field redirectLimit? integer
---@field start_time? locksmith.Time
---@field startTime? locksmith.Time
---@field expire_time? locksmith.Time
---@field expireTime? locksmith.Time
---@field extra? table<string, any> fields that the library does not know yet

---@class locksmith.NewAddress
---@field description? string at most 64 characters

---@class locksmith.AddressChange
---@field address? string the local part, which only the oldest alias can change
---@field description? string at most 64 characters
---@field enabled? boolean
---@field block_spam? boolean

---@class locksmith.WantedAddress
---@field description string
---@field enabled? boolean
---@field block_spam? boolean

---@class locksmith.RequestFields
---@field method string
---@field path string with a leading slash from the host on, else from path_prefix on
---@field query? table<string, string|number|boolean>
---@field body? any encoded as JSON
---@field retry? "safe"|"never" default "safe" for GET, else "never"

--- Both functions may yield. `now` is Unix seconds with a fraction.
---@class locksmith.Clock
---@field now fun(): number
---@field sleep fun(seconds: number)

--- Carries out one attempt: an answer, or nil and a failure.
---@alias locksmith.Transport
---| fun(request: locksmith.TransportRequest): locksmith.TransportResponse?, locksmith.TransportFailure?

---@class locksmith.TransportRequest
---@field method string
---@field url string
---@field headers [string, string][] name and value
---@field body string?
---@field timeout number seconds

---@class locksmith.TransportResponse
---@field status integer
---@field headers table<string, string|string[]>|[string, string][] names in any case
---@field body string

---@class locksmith.TransportFailure
---@field kind "connect"|"tls"|"network"|"timeout"
---@field sent boolean whether any byte may have reached the service
---@field message string?

--- Carries bytes; both functions are called without the store. `patience` is how many seconds the caller has left.
---@class locksmith.Store
--- The newest bytes under that name, their version (anything but nil) and Unix seconds if the store has a clock of its
--- own; nil for a name that is absent; nil and a message when it fails.
---@field read fun(name: string, patience: number?): string?, any, number?
--- true; false when somebody was first, so that the version (nil: nothing is there) is not the newest any more; nil and
--- a message when it fails, the bytes perhaps being there.
---@field swap fun(name: string, version: any, bytes: string, seconds: number, patience: number?): boolean?, string?

---@class locksmith.RedisOptions
---@field host? string default "127.0.0.1"
---@field port? integer 6379
---@field unix? string path of a socket
---@field username? string
---@field password? string
---@field db? integer 0
---@field tls? boolean by LuaSec, in nginx by lua-resty-redis
---@field ca_file? string default the system's
---@field prefix? string of the keys; "locksmith:"
---@field timeout? number seconds for a question; 0.5
---@field client? table a connected client of lua-redis or lua-resty-redis

---@class locksmith.FileOptions
---@field path string its folder exists; best an absolute one

--- A loop of the caller's own.
---@class locksmith.LoopFunctions
---@field poll fun(fds: locksmith.Descriptor[], seconds: number) returns when one is ready or the time has passed
---@field now? fun(): number
