_prodia_compose_completion() {
    local IFS=$'
'
    COMPREPLY=( $( env COMP_WORDS="${COMP_WORDS[*]}" \
                   COMP_CWORD=$COMP_CWORD \
                   _PRODIA_COMPOSE_COMPLETE=complete_bash $1 ) )
    return 0
}

complete -o default -F _prodia_compose_completion prodia-compose
