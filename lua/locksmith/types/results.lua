---@meta _
--- For editors: what callers get. Nothing loads this file; spec/types_spec.lua holds it to the code and the README.

---@alias locksmith.Kind
---| "invalid_request" # 400, 422 and any 4xx not named here, or refused locally
---| "unauthenticated" # the key is missing, malformed, expired or refused
---| "forbidden" # 403
---| "plan_required" # the account's plan does not include this
---| "limit_reached" # the account's limit is reached
---| "not_found" # 404
---| "conflict" # 409: it exists already
---| "rate_limited" # a 429 that retrying could not cure in time
---| "quota_exceeded" # the monthly quota is used up
---| "would_wait" # the next free slot lies beyond the deadline; nothing was sent
---| "server_error" # 5xx
---| "connect" # no connection
---| "tls" # certificate or handshake
---| "network" # cut
---| "timeout" # no answer in time
---| "bad_response" # undecodable, or a redirect
---| "too_large" # over max_response_bytes
---| "not_applied" # the service said yes and did not do it
---| "phase" # an nginx phase without network I/O
---| "config" # no transport is usable here
---| "store" # the store is out of reach and on_store_error is "fail"; a journal cannot be written
---| "closed" # the client was closed

--- What the service did.
---@alias locksmith.Outcome
---| "not_sent" # it has seen nothing
---| "rejected" # it answered no, and did nothing
---| "unknown" # it may have done it
---| "applied" # it did it, at least in part

--- Prints on one line, joins to texts with `..`.
---@class locksmith.Error
---@field kind locksmith.Kind
---@field message string
---@field outcome locksmith.Outcome
---@field source "local"|"remote"|"transport"
---@field operation string such as "locker.addresses.create"
---@field attempts locksmith.Attempt[]
---@field status integer? where the service answered
---@field headers table<string, string>? of that answer, lower-case names
---@field code string? the service's own, such as "8000"
---@field details any? the service's own
---@field elapsed number? seconds since the call began
---@field retry_after number? seconds, where known
--- Whether the same call may succeed later without a change. Whether it may be made again without doing something twice
--- is told by `outcome`.
---@field retryable boolean?
---@field value any? what exists in spite of the error
---@field slug string? of a link that was to be made with it
---@field resume locksmith.WalkQuery? of an iteration: what each() and pages() take to go on
---@operator concat(any): string
local Error = {}

--- Ends the program, or the nearest pcall, with this error as a text that begins with the caller's line.
---@param level? integer 1: the line that called raise; 2: the line that called that function; …
function Error:raise(level) end

---@class locksmith.Attempt
---@field kind locksmith.Kind? of a failure
---@field status integer?
---@field elapsed number seconds
---@field wait number seconds before it
---@field step string? of a method that makes several requests: the operation
---@field resent integer? how often the transport itself sent a read once more

---@class locksmith.Response
---@field status integer? nil only of what is journaled
---@field headers table<string, string> lower-case names; made when it is first asked for
---@field quota locksmith.Quota?
---@field attempts locksmith.Attempt[]
---@field elapsed number seconds of the whole call
---@field recovered boolean a repeat showed that an attempt whose answer was lost had been applied
---@field journaled boolean? of create_each: the link is from the journal, and there was no request
---@field made boolean? of ensure: the alias was made now

--- Times are Unix seconds.
---@class locksmith.Quota
---@field limit integer
---@field remaining integer
---@field reset number
---@field as_of number

---@class locksmith.Forecast
---@field n integer
---@field fits integer? how many still fit this month; nil while the quota is unknown
---@field seconds number how long the windows make n requests take from now
---@field reset number when the quota resets, Unix seconds

--- Every field of the answer, in snake_case; times are Unix seconds.
---@class locksmith.Link
---@field short_url string? nil only of a recovered link, where it is not certain
---@field slug string?
---@field id string?
---@field type string?
---@field target_url string?
---@field memo string?
---@field redirect_limit integer?
---@field start_time number?
---@field expire_time number?
---@field created_at number?
---@field raw table? the answer as it came; nil of a recovered link

---@class locksmith.Address
---@field id locksmith.Id
---@field address string the local part
---@field subdomain string?
---@field domain string
---@field full_address string
---@field enabled boolean
---@field block_spam boolean
---@field description string
---@field created_time number Unix seconds
---@field updated_time number? Unix seconds
---@field num_forwarded integer
---@field num_blocked integer
---@field num_replied integer
---@field num_spam integer

---@class locksmith.Subdomain
---@field id locksmith.Id
---@field subdomain string the name
---@field created_time number Unix seconds
---@field num_alias integer
---@field num_spam integer?
---@field num_forwarded integer?

---@class locksmith.Page
---@field count integer items of the whole list
---@field page integer
---@field has_next boolean
---@field has_previous boolean

---@class locksmith.AddressPage: locksmith.Page
---@field [integer] locksmith.Address

---@class locksmith.SubdomainPage: locksmith.Page
---@field [integer] locksmith.Subdomain

---@class locksmith.KeyInfo
---@field user string?
---@field created_time number? Unix seconds
---@field expired_time number? Unix seconds
---@field scope string?
---@field token_type string?

---@class locksmith.Decision
---@field enabled? boolean
---@field block_spam? boolean
---@field description? string

---@class locksmith.PlannedChange
---@field id locksmith.Id
---@field full_address string
---@field before locksmith.Decision
---@field change locksmith.Decision|"delete" what is to be different

---@class locksmith.AppliedChange
---@field id locksmith.Id
---@field full_address string
---@field change locksmith.Decision|"delete"

---@class locksmith.FailedChange: locksmith.AppliedChange
---@field err locksmith.Error outcome "unknown" where it may yet be carried out

---@class locksmith.SkippedChange: locksmith.AppliedChange
---@field reason string

---@class locksmith.Report
---@field applied locksmith.AppliedChange[] written, and seen to be so
---@field failed locksmith.FailedChange[]
---@field skipped locksmith.SkippedChange[] not written, or somebody else's change prevailed
---@field requests integer
---@field elapsed number seconds

---@class locksmith.Progress
---@field done integer
---@field failed integer not counted in done
---@field skipped integer? of apply
---@field total integer? nil for an iterator
---@field seconds_left number?

---@class locksmith.FieldInfo
---@field name string
---@field alias string? the provider's name
---@field type "text"|"count"|"boolean"|"time"

--- What all events have.
---@class locksmith.AnyEvent
---@field operation string
---@field time number Unix seconds, by the client's clock
---@field call integer what all events of one call share

---@class locksmith.RequestEvent: locksmith.AnyEvent
---@field type "request"
---@field method string
---@field url string
---@field attempt integer

---@class locksmith.ResponseEvent: locksmith.AnyEvent
---@field type "response" of an attempt
---@field status integer?
---@field kind locksmith.Kind? where no answer came
---@field attempt integer
---@field elapsed number seconds

---@class locksmith.RetryEvent: locksmith.AnyEvent
---@field type "retry"
---@field wait number seconds
---@field attempt integer the one that comes
---@field reason locksmith.Kind of what failed

---@class locksmith.WaitEvent: locksmith.AnyEvent
---@field type "wait" for a slot
---@field wait number seconds
---@field attempt integer the one that comes

---@class locksmith.ErrorEvent: locksmith.AnyEvent
---@field type "error" with which every call ends that failed
---@field error locksmith.Error
---@field kind locksmith.Kind

---@class locksmith.StoreErrorEvent: locksmith.AnyEvent
---@field type "store_error"
---@field message string

---@alias locksmith.Event
---| locksmith.RequestEvent
---| locksmith.ResponseEvent
---| locksmith.RetryEvent
---| locksmith.WaitEvent
---| locksmith.ErrorEvent
---| locksmith.StoreErrorEvent
