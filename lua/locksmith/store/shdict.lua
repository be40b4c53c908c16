return { new = function() error("not built yet") end }
