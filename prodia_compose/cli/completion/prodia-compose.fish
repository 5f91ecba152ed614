# Completion of prodia-compose for fish; `prodia-compose completion fish` prints it.

function __prodia_compose_ask --description "Ask what to offer; fail where fish shall offer files"
    set -l before (commandline -opc)
    set -l typed (commandline -ct)
    set -l word (string unescape -- $typed; or string unescape -- $typed\"; or string unescape -- $typed\'; or echo $typed)

    set -l called (string replace -r '^~/' "$HOME/" -- $before[1])
    set -l programs (command -s -- $called prodia-compose)
    set -q programs[1]; or return 1
    set -l answer ($programs[1] __complete fish (count $before) $before "$word" 2>/dev/null </dev/null | string split0)

    set -g __prodia_compose_offers $answer[2..]
    switch "$answer[1]"
        case folders
            set -g __prodia_compose_offers (__fish_complete_directories "$typed" '')
        case default ''
            return 1
    end
end

complete -c prodia-compose -f -k -n __prodia_compose_ask -a '$__prodia_compose_offers'
