# Completion of prodia-compose for bash 3.2 and newer; `prodia-compose completion bash` prints it.

_prodia_compose() {
    local program=$1 kind='' found
    case $program in '~/'*) program=$HOME/${program#'~/'} ;; esac
    type -P -- "$program" > /dev/null || program=prodia-compose
    COMPREPLY=()
    {
        IFS= read -r -d '' kind || :
        while IFS= read -r -d '' found; do COMPREPLY+=("$found"); done
    } < <("$program" __complete bash "${COMP_LINE:0:COMP_POINT}" "${COMP_LINE:COMP_POINT}" "$2" \
        "${COMP_TYPE-}" "${COLUMNS-}" 2> /dev/null < /dev/null)
    # bash 3.2 has no compopt: it looks for files itself where there is nothing to offer, and
    # where there are names, as it could not quote them.
    case $kind in
        words)
            compopt +o default || :
            case ${COMPREPLY[0]-} in *[=}]) compopt -o nospace || : ;; esac
            ;;
        names) compopt -o filenames || COMPREPLY=() ;;
        folders) compopt +o default -o dirnames || : ;;
    esac 2> /dev/null
}

complete -o default -F _prodia_compose prodia-compose
