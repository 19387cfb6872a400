_clap_complete_fluvio_secret() {
    local candidates=() words=() index=0 i last word is_quoted=false
    # bash splits --option=value at the =, and the program completes it as one word.
    for i in "${!COMP_WORDS[@]}"; do
        word=${COMP_WORDS[i]}
        last=$((${#words[@]} - 1))
        if ((i == COMP_CWORD)); then
            case $word in
                \"* | \'*) is_quoted=true word=${word:1} ;;
                *) word=${word//\\/} ;;
            esac
        fi
        if ((i > 1)) && [[ $word == = && ${words[last]} == --* ]]; then
            words[last]+==
        elif ((i > 1)) && [[ ${COMP_WORDS[i - 1]} == = && ${words[last]} == --*= ]]; then
            words[last]+=$word
        else
            words+=("$word")
        fi
        if ((i == COMP_CWORD)); then
            index=$((${#words[@]} - 1))
        fi
    done
    IFS=$'\013' read -r -d '' -a candidates < <(
        _CLAP_IFS=$'\013' _CLAP_COMPLETE_INDEX=$index VARIABLE=bash \
            fluvio-secret -- "${words[@]:0:index + 1}" 2>/dev/null
    )
    COMPREPLY=()
    for word in "${candidates[@]}"; do
        if [[ ${words[index]} == --*=* ]]; then
            word=${word#*=}
        fi
        # A path with a space has to stay one word; inside of quotes readline takes care of that.
        if [[ $is_quoted == false && $word == *[[:space:]\&\;\|\<\>\(\)\$\`\\\"\'\*\?\[\#\!]* ]]; then
            printf -v word %q "$word"
        fi
        COMPREPLY+=("$word")
    done
    if [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[=/:] ]]; then
        compopt +o nospace 2>/dev/null
    fi
}
complete -o nospace -o bashdefault -o nosort -F _clap_complete_fluvio_secret fluvio-secret 2>/dev/null ||
    complete -o nospace -o bashdefault -F _clap_complete_fluvio_secret fluvio-secret
