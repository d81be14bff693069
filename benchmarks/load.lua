-- Requests for wrk: GET paths in turn from a file, or POST of one body. Arguments: token, mode, file.
local paths, body, token, n = {}, nil, nil, 0

function init(args)
    token = args[1]
    if args[2] == "post" then
        body = io.open(args[3]):read("*a")
    else
        for line in io.lines(args[3]) do paths[#paths + 1] = line end
        math.randomseed(os.time())
        n = math.random(#paths)
    end
end

function request()
    local headers = {["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json"}
    if body then return wrk.format("POST", wrk.path, headers, body) end
    n = n % #paths + 1
    return wrk.format("GET", paths[n], headers)
end
