--- Makes certificates for specs, with the openssl program: an authority, and what it signed.

local shell = require "spec.support.shell"

local certificates = {}

local SCRIPT = [[
set -e
cd "$1"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=locksmith test authority" -keyout ca.key -out ca.pem
issue() { # NAME SUBJECT-ALTERNATIVE-NAMES DAYS
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
  printf 'subjectAltName=%s\n' "$2" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$3" -extfile "$1.ext" -out "$1.pem"
}
issue good DNS:localhost,DNS:lock.pub,DNS:api.locker.io 2
issue other DNS:elsewhere.example 2
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout selfsigned.key -out selfsigned.pem
]]

--- Makes `ca.pem`, and `.pem` and `.key` of "good" (localhost, lock.pub, api.locker.io), "other" (another name) and
--- "selfsigned" (localhost, trusted by nobody).
---@return string? folder nil without openssl; remove it with certificates.remove
function certificates.make()
  local folder = shell.folder "certificates"
  shell.write(folder .. "/make.sh", SCRIPT)
  shell.output(("sh %s/make.sh %s >%s/log 2>&1"):format(folder, folder, folder))
  if shell.read(folder .. "/selfsigned.pem") ~= "" then return folder end
  certificates.remove(folder)
end

---@param folder string
function certificates.remove(folder)
  os.execute("rm -rf " .. shell.quote(folder))
end

return certificates
