local VERIFIER = "http://127.0.0.1:8081/verify/haproxy/"
local SECRET = os.getenv("WATCHWORD_SECRET") or ""
local IDENTITY = { "organization", "server", "issuer", "subject", "client-id", "scope", "expires" }
local DENIALS = { [400] = true, [401] = true, [403] = true, [503] = true }
local PASSED_ON = { "content-type", "cache-control", "www-authenticate", "retry-after" }
-- A request that waits for a signing key is answered after up to 1.5 s. A verifier that does not answer costs
-- 8 s, as HAProxy asks up to four times.
local MILLISECONDS = 2000

-- HAProxy counts the values of a header from 0.
local function values(headers, name)
  local all = {}
  for index, value in pairs(headers[name] or {}) do all[index + 1] = value end
  return all
end

core.register_action("watchword", { "http-req" }, function(txn, organization)
  local answer = core.httpclient():get({
    url = VERIFIER .. organization,
    headers = {
      authorization = values(txn.http:req_get_headers(), "authorization"),
      ["x-watchword-secret"] = { SECRET },
    },
    timeout = MILLISECONDS,
  })
  local headers = answer.headers or {}
  if answer.status == 200 and values(headers, "x-auth-organization")[1] == organization then
    for _, name in ipairs(IDENTITY) do
      local value = values(headers, "x-auth-" .. name)[1] or ""
      if value ~= "" then txn.http:req_set_header("x-auth-" .. name, value) end
    end
    txn:set_var("txn.watchword", "allow")
  elseif DENIALS[answer.status] then
    local reply = txn:reply({ status = answer.status })
    for _, name in ipairs(PASSED_ON) do
      for _, value in ipairs(values(headers, name)) do reply:add_header(name, value) end
    end
    reply:set_body(answer.body or "")
    txn:done(reply)
  end
end, 1)
